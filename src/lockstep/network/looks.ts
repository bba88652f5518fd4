/**
 * Cuts an evaluation into looks, which the kernel carries out one after the other, and writes the kernel's data for them. The
 * trainer decides when a run is evaluated; evaluation.ts says on which examples.
 */
import { FORMATS, NO_CLASS, NONE, type POSITION, type STEP } from '../../../shaders/network/chunk.wgsl.js';
import { STREAMS } from '../../../shaders/network/samplers.wgsl.js';
import { OPTIMIZERS } from '../../network/optimizers.js';
import type { Program } from '../../network/program.js';
import { examplesOf, type Section } from './evaluation.js';
import type { Room } from './pools.js';
import { probesExamples } from './probes.js';
import { type NetworkProgress, parameterFor, whereIs } from './progress.js';
import type { PlacedDataset } from './run-places.js';

type Position = Parameters<typeof POSITION.array>[0][number];
type Step = Parameters<typeof STEP.array>[0][number];

/** Batches of a section that one workgroup evaluates in one dispatch, for one run. */
export interface Look {
  readonly progress: NetworkProgress;
  readonly section: Section;
  readonly placed: PlacedDataset;
  readonly firstBatch: number;
  /** How many batches, with a step for each. */
  readonly steps: number;
  /** Whether probes read the network's outputs after it: then it is a single batch. */
  readonly isProbed: boolean;
  /** Whether it is the first look of the evaluation. */
  readonly isFirst: boolean;
  /** Whether it adds up the gradient, in memory of its own, instead of losses. */
  readonly isOfGradient: boolean;
}

/**
 * The looks of a run's evaluation, by section. They come one after the other, as they share the run's memory.
 *
 * @param mostBatches The most batches of a look.
 */
export function looksOf(progress: NetworkProgress, mostBatches: number): Look[][] {
  const { evaluation, probes } = progress.run;
  return (evaluation?.sections ?? []).map((section, k) => {
    const isProbed = section.isOfSet && probesExamples(probes);
    return stretches(progress, section, isProbed ? 1 : mostBatches).map((stretch) => ({
      ...{ progress, section, placed: progress.sections[k], ...stretch },
      ...{ isProbed, isFirst: k === 0 && stretch.firstBatch === 0, isOfGradient: false },
    }));
  });
}

/** The batches of a section, cut into stretches of at most `most`. */
function stretches({ run }: NetworkProgress, { examples }: Section, most: number) {
  const batches = Math.ceil(examples / run.batchSize);
  const length = Math.min(most, batches);
  return Array.from({ length: Math.ceil(batches / length) }, (_, k) => ({
    firstBatch: k * length,
    steps: Math.min(length, batches - k * length),
  }));
}

/** For runs with the probe `gradientNorm`: looks at the sections of the set once more, which add up the gradient of its mean loss. */
export function gradientLooksOf(progress: NetworkProgress, mostBatches: number): Look[] {
  if (progress.gradient === undefined) return [];
  return progress.run.evaluation!.sections.flatMap((section, k) => {
    if (!section.isOfSet) return [];
    return stretches(progress, section, mostBatches).map((stretch) => ({
      ...{ progress, section, placed: progress.sections[k], ...stretch },
      ...{ isProbed: false, isFirst: k === 0 && stretch.firstBatch === 0, isOfGradient: true },
    }));
  });
}

/** How many examples batch `s` of a look has. */
export function countOf({ progress, section, firstBatch }: Look, s: number): number {
  const { batchSize } = progress.run;
  return Math.min(batchSize, section.examples - (firstBatch + s) * batchSize);
}

/** The steps of a look, which train nothing: their length is 0. */
export function stepsOf(look: Look): Step[] {
  const { progress, isOfGradient, isFirst } = look;
  const { targetWidth } = progress.program;
  return Array.from({ length: look.steps }, (_, s) => {
    const count = countOf(look, s);
    const invNumbers = 1 / ((isOfGradient ? examplesOf(progress.run.evaluation!) : count) * targetWidth);
    const begins = Number(isOfGradient && isFirst && s === 0);
    return { shrink: 1, stepSize: 0, invRootCorrection2: 1, count, invNumbers, isFirst: begins };
  });
}

/**
 * The position of a look, which reads its rows in order.
 *
 * @param firstStages Where the stages of a program begin: those of training, and those of evaluation.
 * @param done How many steps the run has done by then.
 */
export function positionOf(
  { progress, section, placed, firstBatch, steps, isOfGradient }: Look,
  firstStages: (program: Program) => readonly [number, number],
  firstStep: number,
  done: number,
): Position {
  const { room, data } = placed;
  const { program } = progress;
  const common = {
    ...progress.constants,
    ...whereIs(room, data),
    lossParameter: parameterFor(progress.run.loss, data),
    firstStage: firstStages(program)[1],
    stages: program.evaluation.length,
    firstStep,
    steps,
    order: NONE,
    firstRow: section.firstRow + firstBatch * progress.run.batchSize,
    stream: STREAMS.evaluation,
    drawStep: done,
  };
  if (!isOfGradient) return common;
  const { program: ofGradient, memory } = progress.gradient!;
  return {
    ...common,
    memory: memory.at,
    firstStage: firstStages(ofGradient)[0],
    stages: ofGradient.training.length,
    // No example is of a class that is ignored (accept.ts).
    lossParameter: placed.data.targetFormat === FORMATS.classes ? NO_CLASS : common.lossParameter,
    // The momentum of SGD without decay: with a factor of 1, the sum of the batches' gradients.
    ...{ optimizer: OPTIMIZERS.sgd.code, firstMoments: ofGradient.places.first, secondMoments: NONE },
    ...{ beta1: 1, gradientShare: 1, weightDecay: 0, nesterov: 0 },
  };
}

/** The memory that has the network of a look. */
export const memoryOf = ({ progress, isOfGradient }: Look): Room =>
  isOfGradient ? progress.gradient!.memory : progress.memory;
