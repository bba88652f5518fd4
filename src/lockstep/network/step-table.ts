/**
 * The table of a chunk's steps, as the kernel reads it: an entry for each part of a batch. It knows how batches are cut, and which
 * results are those of whole batches; runs and evaluations know their batches.
 */
import { STEP } from '../../../shaders/network/chunk.wgsl.js';
import type { StepNumbers } from '../../network/optimizers.js';
import type { Program } from '../../network/program.js';
import type { AcceptedNetworkRun } from './accept.js';
import { probesExamples } from './probes.js';

/** A batch. The numbers are those of `STEP`. */
interface TableBatch {
  invNumbers: number;
  /** Examples of all of it. */
  examples: number;
  /** That of its first example. */
  row: number;
  draw: number;
  isFirst: number;
}

const { shrink, stepSize, invRootCorrection2, beta1, gradientShare, invNumbers } = STEP.at;
const { count, examples: ofBatch, row, draw, isFirst, begins, ends } = STEP.at;

export class StepTable {
  #floats = new Float32Array(64 * STEP.words);
  #words = new Uint32Array(this.#floats.buffer);
  #entries = 0;
  readonly #ends: number[] = [];

  get entries(): number {
    return this.#entries;
  }

  /** How many batches have their end in the table. */
  get batches(): number {
    return this.#ends.length;
  }

  get words(): Uint32Array<ArrayBuffer> {
    return this.#words.subarray(0, this.#entries * STEP.words);
  }

  /**
   * Adds a batch in parts of `part` examples.
   *
   * @param numbers Of the optimizer.
   * @param only Adds this part alone, the first one being 0.
   */
  add(numbers: StepNumbers, batch: TableBatch, part: number, only?: number): void {
    const parts = Math.ceil(batch.examples / part);
    for (let k = only ?? 0; k < (only === undefined ? parts : only + 1); k++) {
      this.#addPart(numbers, batch, k * part, Math.min(part, batch.examples - k * part));
      if (k === parts - 1) this.#ends.push(this.#entries - 1);
    }
  }

  #addPart(numbers: StepNumbers, batch: TableBatch, first: number, examples: number): void {
    const at = this.#entries * STEP.words;
    if (at === this.#words.length) this.#grow();
    const [floats, words] = [this.#floats, this.#words];
    floats[at + shrink] = numbers.shrink;
    floats[at + stepSize] = numbers.stepSize;
    floats[at + invRootCorrection2] = numbers.invRootCorrection2;
    floats[at + beta1] = numbers.beta1;
    floats[at + gradientShare] = numbers.gradientShare;
    floats[at + invNumbers] = batch.invNumbers;
    words[at + count] = examples;
    words[at + ofBatch] = batch.examples;
    words[at + row] = batch.row + first;
    words[at + draw] = batch.draw;
    words[at + isFirst] = batch.isFirst;
    words[at + begins] = first === 0 ? 1 : 0;
    words[at + ends] = first + examples === batch.examples ? 1 : 0;
    this.#entries++;
  }

  #grow(): void {
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
    this.#floats = new Float32Array(words.buffer);
  }

  /** Of a list with an element for each entry, those of the entries with which a batch ends. */
  ofBatches<T>(all: readonly T[]): T[] {
    return this.#ends.map((entry) => all[entry]);
  }
}

/** Words of the order of a batch; a sampler has none. */
export const orderWords = ({ data, batchSize }: AcceptedNetworkRun): number =>
  data.sampler === undefined ? batchSize : 0;

/** Entries of the table that looks at a run take: at its evaluation, and at the batch with which a window closes. */
export function entriesOf({ evaluation, probes, batchSize }: AcceptedNetworkRun, program: Program) {
  const { evaluationBatch: batch, evaluationPart } = program;
  const parts = Math.ceil(batch / evaluationPart);
  const gradients = Number(probes.gradientNorm);
  return {
    evaluation: (evaluation?.sections ?? []).reduce((sum, { examples, isOfSet }) => {
      return sum + parts * Math.ceil(examples / batch) * (isOfSet ? 1 + gradients : 1);
    }, 0),
    window: Math.ceil(batchSize / evaluationPart) * (Number(probesExamples(probes)) + gradients),
  };
}

/** The most steps of all runs whose order and numbers fit into `most` words each, beside the entries of looks at them. */
export function mostSteps(
  runs: readonly { readonly run: AcceptedNetworkRun; readonly program: Program }[],
  most: number,
): number {
  let [entries, parts, order] = [most / STEP.words, 0, 0];
  for (const { run, program } of runs) {
    const { evaluation, window } = entriesOf(run, program);
    entries -= evaluation + window;
    parts += Math.ceil(program.batch / program.part);
    order += orderWords(run);
  }
  return Math.floor(Math.min(entries / parts, most / order));
}
