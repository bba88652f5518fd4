/**
 * What the kernel needs to know of a network: where its numbers lie in a run's memory, and the stages of a step.
 * Numbers only; their structs are in shaders/network/chunk.wgsl.ts, and the kernel that goes through the stages is
 * step.wgsl.ts.
 */
import {
  BATCH_DEPTH,
  BATCH_ROWS,
  NONE,
  STAGE_KINDS,
  STRIPES,
  type Stage,
} from '../../shaders/network/chunk.wgsl.js';
import { ACTIVATIONS, type Activation } from './activations.js';
import { LOSSES, type Loss } from './losses.js';
import type { DenseLayer, Network } from './network.js';
import { packedWords, pitchOf } from './weights.js';

/** Where a run's numbers lie, in words from the beginning of its memory. Parameters come first. */
interface Places {
  /** Words of the parameters, and of each moment. */
  readonly parameters: number;
  /** First moments, or NONE. */
  readonly first: number;
  /** Second moments, or NONE. */
  readonly second: number;
  /** Words of the parameters and all their moments, which come first. */
  readonly state: number;
  /** Gradients between the parts of a batch, or NONE. */
  readonly gradients: number;
  /** Words that a run takes in all. */
  readonly words: number;
}

/** A network with its loss, for training in batches of `batch` examples in parts of `part`, as the kernel takes it. */
export interface Program {
  readonly network: Network;
  readonly loss: Loss;
  readonly batch: number;
  /** Examples that go through the stages at once: all of the batch, or a multiple of STRIPES. */
  readonly part: number;
  /** The same of evaluations. */
  readonly evaluationBatch: number;
  readonly evaluationPart: number;
  readonly places: Places;
  /** Stages of a training step. */
  readonly training: readonly Stage[];
  /** Stages of a step that only evaluates: rows, layers, loss. */
  readonly evaluation: readonly Stage[];
  /** Targets of an example: one for each output, or 1 if it is a class. */
  readonly targetWidth: number;
}

const EMPTY: Stage = {
  ...{
    kind: 0,
    rows: 0,
    columns: 0,
    depth: 0,
    a: 0,
    aRow: 0,
    aDepth: 0,
    b: 0,
    bDepth: 0,
    bColumn: 0,
    c: NONE,
  },
  ...{ bias: NONE, below: NONE, kept: NONE, activation: 0, parameter: 0, batchExtents: 0 },
};

/** From this many examples on, a transposed copy of a layer's weights is read so much faster that making it pays. */
const TRANSPOSE_FROM = 24;

/** A layer with the places of its numbers. */
interface Placed extends DenseLayer {
  weight: number;
  /** NONE if the layer has no bias. */
  biasAt: number;
  /** The layer's input, [batch, inputs]. */
  input: number;
  /** The layer's output, [batch, units]. */
  output: number;
  /** The input of its activation, [batch, units]; NONE if the derivative does not need it. */
  kept: number;
  /** The gradient by the input of its activation. */
  gradient: number;
  /** The weight transposed, [units, inputs]; NONE if the weight is read as it lies. */
  transposed: number;
}

const activationOf = ({ type, parameter }: Activation) => ({ activation: ACTIVATIONS[type].code, parameter });

/**
 * The program of a network.
 *
 * @param moments Moments that the optimizer keeps of each parameter: 0 to 2.
 * @param part As {@link partOf} gives it. Default: batches are not cut.
 * @param evaluationBatch `batch`, or more where batches are not cut. Default: `batch`.
 * @param counts Whether the device counts a sampler's examples that the loss does not ignore. Default false.
 * @example
 * const { places, training } = programOf(network, { type: 'mse', parameter: 0 }, 2, 32);
 */
export function programOf(
  network: Network,
  loss: Loss,
  moments: number,
  batch: number,
  part: number = batch,
  evaluationBatch: number = batch,
  counts = false,
): Program {
  const { inputs, outputs } = network;
  const parameterWords = packedWords(network);
  let words = parameterWords;
  const take = (count: number): number => {
    const at = words;
    words += pitchOf(count);
    return at;
  };
  const first = moments > 0 ? take(parameterWords) : NONE;
  const second = moments > 1 ? take(parameterWords) : NONE;
  const gradients = part < batch ? take(parameterWords) : NONE;
  const evaluationPart = part < batch ? part : evaluationBatch;
  const most = Math.max(part, evaluationPart);
  const rows = take(most * pitchOf(inputs));
  const layers = placeLayers(network, rows, most, part >= TRANSPOSE_FROM, take);
  const targetWidth = targetWidthOf(network, loss);
  const targets = take(most * pitchOf(targetWidth));
  const tallies = take(4 * (STRIPES + most));
  const counted = counts ? take(1) : NONE;
  const rowsTo = { ...EMPTY, columns: inputs, c: rows, below: targets, b: tallies, bias: counted };
  const count = counts ? [{ ...rowsTo, kind: STAGE_KINDS.count }] : [];
  const gather = { ...rowsTo, kind: STAGE_KINDS.gather };
  const last = layers[layers.length - 1];
  const lossStage = (c: number): Stage => ({
    ...EMPTY,
    ...activationOf(last.activation),
    kind: STAGE_KINDS.loss,
    columns: outputs,
    a: last.output,
    b: tallies,
    c,
    bias: counted,
    below: targets,
    kept: last.kept,
  });
  const tally = { ...EMPTY, kind: STAGE_KINDS.tally, b: tallies, bias: counted };
  const forward = layers.map((layer) => forwardStage(layer, part));
  const backward = layers.flatMap((_, l) => backwardStages(layers, layers.length - 1 - l, part));
  const state = parameterWords * (1 + moments);
  return {
    ...{ network, loss, batch, part, evaluationBatch, evaluationPart, targetWidth },
    places: { first, second, gradients, parameters: parameterWords, state, words },
    training: [...count, gather, ...forward, lossStage(last.gradient), tally, ...backward],
    evaluation: [...count, gather, ...forward, lossStage(NONE), tally],
  };
}

const targetWidthOf = ({ outputs }: Network, { type }: Loss): number =>
  LOSSES[type].targets === 'class' ? 1 : outputs;

/**
 * How many examples of a batch go through the stages at once, if the numbers of their rows and layers are to take at most
 * `words` words: all of them, or a multiple of STRIPES, at least one.
 */
export function partOf(network: Network, loss: Loss, batch: number, words: number): number {
  const layers = network.layers.map(({ units, activation }) => {
    return (ACTIVATIONS[activation.type].keepsInput ? 3 : 2) * pitchOf(units);
  });
  const targets = pitchOf(targetWidthOf(network, loss));
  const example = layers.reduce((a, b) => a + b, pitchOf(network.inputs) + targets + 4);
  if (batch * example <= words || batch <= STRIPES) return batch;
  const most = Math.max(1, Math.floor(words / example / STRIPES));
  const parts = Math.ceil(batch / (most * STRIPES));
  return STRIPES * Math.ceil(batch / parts / STRIPES);
}

function placeLayers(
  network: Network,
  rows: number,
  examples: number,
  transposes: boolean,
  take: (count: number) => number,
): Placed[] {
  let weight = 0;
  let input = rows;
  return network.layers.map((layer, l) => {
    const { inputs, units, bias, activation } = layer;
    const biasAt = bias ? weight + inputs * pitchOf(units) : NONE;
    const output = take(examples * pitchOf(units));
    const kept = ACTIVATIONS[activation.type].keepsInput ? take(examples * pitchOf(units)) : NONE;
    const gradient = take(examples * pitchOf(units));
    const copy = l > 0 && transposes ? take(units * pitchOf(inputs)) : NONE;
    const placed = { ...layer, weight, biasAt, input, output, kept, gradient, transposed: copy };
    weight += (inputs + Number(bias)) * pitchOf(units);
    input = output;
    return placed;
  });
}

function forwardStage(layer: Placed, batch: number): Stage {
  const { inputs, units, weight, biasAt, input, output, kept, activation } = layer;
  return {
    ...EMPTY,
    ...activationOf(activation),
    kind: STAGE_KINDS.forward,
    ...{ rows: batch, columns: units, depth: inputs, batchExtents: BATCH_ROWS },
    ...{ a: input, aRow: pitchOf(inputs), aDepth: 1 },
    ...{ b: weight, bDepth: pitchOf(units), bColumn: 1 },
    c: output,
    bias: biasAt,
    kept,
  };
}

/** The gradient by the output of the layer below comes first: it needs the weights as they are before the step. */
function backwardStages(layers: readonly Placed[], l: number, batch: number): Stage[] {
  const { inputs, units, weight, biasAt, input, gradient, transposed } = layers[l];
  const below = layers[l - 1];
  const stages: Stage[] = [];
  const isTransposed = transposed !== NONE;
  if (isTransposed) {
    stages.push({
      ...EMPTY,
      kind: STAGE_KINDS.transpose,
      rows: inputs,
      columns: units,
      a: weight,
      c: transposed,
    });
  }
  if (below) {
    stages.push({
      ...EMPTY,
      ...activationOf(below.activation),
      kind: STAGE_KINDS.inputGradient,
      ...{ rows: batch, columns: inputs, depth: units, batchExtents: BATCH_ROWS },
      ...{ a: gradient, aRow: pitchOf(units), aDepth: 1 },
      ...(isTransposed
        ? { b: transposed, bDepth: pitchOf(inputs), bColumn: 1 }
        : { b: weight, bDepth: 1, bColumn: pitchOf(units) }),
      c: below.gradient,
      below: below.output,
      kept: below.kept,
    });
  }
  stages.push({
    ...EMPTY,
    kind: STAGE_KINDS.weightGradient,
    ...{ rows: inputs, columns: units, depth: batch, batchExtents: BATCH_DEPTH },
    ...{ a: input, aRow: 1, aDepth: pitchOf(inputs) },
    ...{ b: gradient, bDepth: pitchOf(units), bColumn: 1 },
    c: weight,
  });
  if (biasAt !== NONE) {
    stages.push({ ...EMPTY, kind: STAGE_KINDS.biasGradient, columns: units, b: gradient, c: biasAt });
  }
  return stages;
}

/** Floating-point operations of a training step: those of the products, two for each multiply-add. */
export function trainingFlops({ layers }: Network, batch: number): number {
  return layers.reduce(
    (sum, { inputs, units }, l) => sum + 2 * batch * inputs * units * (l === 0 ? 2 : 3),
    0,
  );
}
