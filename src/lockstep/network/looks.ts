/**
 * Cuts the set of an evaluation, or the batch with which a window closes, into looks, which the kernel carries out one after the
 * other, and writes the kernel's data for them. The trainer decides when a run is looked at; evaluation.ts says on which set.
 */
import { NONE, type POSITION } from '../../../shaders/network/chunk.wgsl.js';
import { STREAMS } from '../../../shaders/network/samplers.wgsl.js';
import { OPTIMIZERS } from '../../network/optimizers.js';
import type { Program } from '../../network/program.js';
import { examplesOf } from '../windows.js';
import type { PlacedDataset } from './data-places.js';
import { countedIn } from './dataset.js';
import type { Section } from './evaluation.js';
import type { Room } from './pools.js';
import { probesExamples } from './probes.js';
import { type NetworkProgress, whereIs } from './progress.js';
import type { StepTable } from './step-table.js';

type Position = Parameters<typeof POSITION.array>[0][number];

/** A section, and where its examples lie. */
export interface PlacedSection {
  readonly section: Section;
  readonly placed: PlacedDataset;
}

/** The sections of the run's evaluation. */
export const sectionsOf = ({ run, sections }: NetworkProgress): PlacedSection[] =>
  (run.evaluation?.sections ?? []).map((section, k) => ({ section, placed: sections[k] }));

/**
 * The batch of a training step, as a section.
 *
 * @param order The order of the chunk that has the step, in which the batch begins at `place`. A sampler has none.
 * @param step How many steps the run has done before it.
 */
export function batchOf(
  { run, data: placed }: NetworkProgress,
  order: Uint32Array,
  place: number,
  step: number,
): PlacedSection {
  const { data, batchSize } = run;
  // A sampler numbers the examples of each batch.
  const firstRow = data.sampler === undefined ? place : 0;
  const examples = examplesOf(step, { examples: data.examples, batchSize });
  return { section: { data, firstRow, examples, isOfSet: true, batch: { step, order } }, placed };
}

/** Batches of a section that one workgroup evaluates in one dispatch, for one run. */
export interface Look {
  readonly progress: NetworkProgress;
  readonly section: Section;
  readonly placed: PlacedDataset;
  readonly firstBatch: number;
  readonly batches: number;
  /** The only part of its batch that it evaluates; undefined if it evaluates all parts. */
  readonly part: number | undefined;
  /** Whether probes read the network's outputs after it: then it is a single part of a batch. */
  readonly isProbed: boolean;
  /** Whether it is the first look of those that add up the same. */
  readonly isFirst: boolean;
  /** Whether it adds up the gradient, in memory of its own, instead of losses. */
  readonly isOfGradient: boolean;
  /** Of a gradient: over how many examples the loss is averaged, all of them where only the device knows how many count. */
  readonly counted?: number;
}

/**
 * The looks at the sections of a run. They come one after the other, as they share the run's memory. A batch of a training step,
 * whose loss is known, is only looked at for its probes.
 *
 * @param mostBatches The most batches of a look.
 */
export function looksOf(
  progress: NetworkProgress,
  sections: readonly PlacedSection[],
  mostBatches: number,
): Look[] {
  return sections.flatMap(({ section, placed }, k) => {
    const isProbed = section.isOfSet && probesExamples(progress.run.probes);
    if (section.batch && !isProbed) return [];
    const look = { progress, section, placed, isProbed, isOfGradient: false };
    return stretches(progress, section, isProbed ? 1 : mostBatches).flatMap((stretch): Look[] => {
      const isFirst = k === 0 && stretch.firstBatch === 0;
      if (!isProbed) return [{ ...look, ...stretch, part: undefined, isFirst }];
      const examples = examplesIn(progress, section, stretch.firstBatch);
      return Array.from({ length: Math.ceil(examples / progress.program.evaluationPart) }, (_, part) => {
        return { ...look, ...stretch, part, isFirst: isFirst && part === 0 };
      });
    });
  });
}

export const batchesIn = ({ program }: NetworkProgress, { examples }: Section): number =>
  Math.ceil(examples / program.evaluationBatch);

/** The batches of a section, cut into stretches of at most `most`. */
function stretches(progress: NetworkProgress, section: Section, most: number) {
  const batches = batchesIn(progress, section);
  const length = Math.min(most, batches);
  return Array.from({ length: Math.ceil(batches / length) }, (_, k) => ({
    firstBatch: k * length,
    batches: Math.min(length, batches - k * length),
  }));
}

/** For runs with the probe `gradientNorm`: looks at the sections of a set once more, which add up the gradient of its mean loss. */
export function gradientLooksOf(
  progress: NetworkProgress,
  sections: readonly PlacedSection[],
  mostBatches: number,
): Look[] {
  if (progress.gradient === undefined) return [];
  const ofSet = sections.filter(({ section }) => section.isOfSet);
  const counted = ofSet.reduce((sum, { section }) => {
    return sum + countedFrom(progress, section, section.firstRow, section.examples);
  }, 0);
  return ofSet.flatMap(({ section, placed }, k) => {
    return stretches(progress, section, mostBatches).map((stretch) => ({
      ...{ progress, section, placed, ...stretch, part: undefined, counted },
      ...{ isProbed: false, isFirst: k === 0 && stretch.firstBatch === 0, isOfGradient: true },
    }));
  });
}

/** How many of so many examples of a section count. Of a sampler's, which the device counts, all. */
function countedFrom({ run }: NetworkProgress, { data, batch }: Section, row: number, examples: number) {
  return countedIn(data, run.loss, examples, (k) => (batch ? batch.order[row + k] : row + k));
}

/** How many examples a batch of a section has. */
const examplesIn = ({ program }: NetworkProgress, section: Section, batch: number): number =>
  Math.min(program.evaluationBatch, section.examples - batch * program.evaluationBatch);

/** How many examples are in the run's memory after a look at a part. */
export function countOf({ progress, section, firstBatch, part }: Look): number {
  const { evaluationPart: most } = progress.program;
  return Math.min(most, examplesIn(progress, section, firstBatch) - part! * most);
}

/** Steps of the length 0, with which gradients are added up, and with which nothing is. */
const RESTING = { shrink: 1, stepSize: 0, invRootCorrection2: 1, beta1: 0, gradientShare: 0 };
const ADDING = { ...RESTING, beta1: 1, gradientShare: 1 };

/**
 * Adds the batches of a look to the table. They train nothing: the length of their steps is 0.
 *
 * @param done How many steps the run has done by then.
 */
export function addBatches(look: Look, table: StepTable, done: number): void {
  const { progress, section, isOfGradient, isFirst } = look;
  const { program } = progress;
  for (let k = 0; k < look.batches; k++) {
    const batch = look.firstBatch + k;
    const examples = examplesIn(progress, section, batch);
    const row = section.firstRow + batch * program.evaluationBatch;
    const counted = look.counted ?? countedFrom(progress, section, row, examples);
    const invNumbers = 1 / (counted * program.targetWidth);
    const begins = Number(isOfGradient && isFirst && k === 0);
    const entry = { invNumbers, examples, row, draw: section.batch?.step ?? done, isFirst: begins };
    table.add(isOfGradient ? ADDING : RESTING, entry, program.evaluationPart, look.part);
  }
}

/**
 * The position of a look, which reads its rows one after the other, or those of a batch as training does.
 *
 * @param firstStages Where the stages of a program begin: those of training, and those of evaluation.
 * @param steps Entries of the table, from `firstStep` on.
 */
export function positionOf(
  { progress, section, placed, isOfGradient }: Look,
  firstStages: (program: Program) => readonly [number, number],
  firstStep: number,
  steps: number,
): Position {
  const { program } = progress;
  const common = {
    ...progress.constants,
    ...whereIs(placed),
    firstStage: firstStages(program)[1],
    stages: program.evaluation.length,
    firstStep,
    steps,
    ordered: Number(section.batch !== undefined && placed.data.sampler === undefined),
    stream: section.batch ? STREAMS.training : STREAMS.evaluation,
  };
  if (!isOfGradient) return common;
  const { program: ofGradient, memory } = progress.gradient!;
  return {
    ...common,
    memory: memory.at,
    firstStage: firstStages(ofGradient)[0],
    stages: ofGradient.training.length,
    // The momentum of SGD without decay: with a factor of 1 (addBatches), the sum of the batches' gradients.
    ...{ optimizer: OPTIMIZERS.sgd.code, firstMoments: ofGradient.places.first, secondMoments: NONE },
    gradients: ofGradient.places.gradients,
    ...{ weightDecay: 0, nesterov: 0 },
  };
}

/** The memory that has the network of a look. */
export const memoryOf = ({ progress, isOfGradient }: Look): Room =>
  isOfGradient ? progress.gradient!.memory : progress.memory;
