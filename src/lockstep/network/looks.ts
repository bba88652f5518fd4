/**
 * Cuts an evaluation into looks, which the kernel carries out one after the other, and writes the kernel's data for them. The
 * trainer decides when a run is evaluated; evaluation.ts says on which examples.
 */
import { FORMATS, NO_CLASS, NONE, type POSITION } from '../../../shaders/network/chunk.wgsl.js';
import { STREAMS } from '../../../shaders/network/samplers.wgsl.js';
import { OPTIMIZERS } from '../../network/optimizers.js';
import type { Program } from '../../network/program.js';
import type { PlacedDataset } from './data-places.js';
import { countedIn } from './dataset.js';
import { examplesOf, type Section } from './evaluation.js';
import type { Room } from './pools.js';
import { probesExamples } from './probes.js';
import { type NetworkProgress, parameterFor, whereIs } from './progress.js';
import type { StepTable } from './step-table.js';

type Position = Parameters<typeof POSITION.array>[0][number];

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
    const look = { progress, section, placed: progress.sections[k], isProbed, isOfGradient: false };
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

/** For runs with the probe `gradientNorm`: looks at the sections of the set once more, which add up the gradient of its mean loss. */
export function gradientLooksOf(progress: NetworkProgress, mostBatches: number): Look[] {
  if (progress.gradient === undefined) return [];
  return progress.run.evaluation!.sections.flatMap((section, k) => {
    if (!section.isOfSet) return [];
    return stretches(progress, section, mostBatches).map((stretch) => ({
      ...{ progress, section, placed: progress.sections[k], ...stretch, part: undefined },
      ...{ isProbed: false, isFirst: k === 0 && stretch.firstBatch === 0, isOfGradient: true },
    }));
  });
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
  const { program, run } = progress;
  for (let k = 0; k < look.batches; k++) {
    const batch = look.firstBatch + k;
    const examples = examplesIn(progress, section, batch);
    const row = section.firstRow + batch * program.evaluationBatch;
    const counted = isOfGradient
      ? examplesOf(run.evaluation!)
      : countedIn(section.data, run.loss, examples, (b) => row + b);
    const invNumbers = 1 / (counted * program.targetWidth);
    const begins = Number(isOfGradient && isFirst && k === 0);
    const entry = { invNumbers, examples, row, draw: done, isFirst: begins };
    table.add(isOfGradient ? ADDING : RESTING, entry, program.evaluationPart, look.part);
  }
}

/**
 * The position of a look, which reads its rows in order.
 *
 * @param firstStages Where the stages of a program begin: those of training, and those of evaluation.
 * @param steps Entries of the table, from `firstStep` on.
 */
export function positionOf(
  { progress, placed, isOfGradient }: Look,
  firstStages: (program: Program) => readonly [number, number],
  firstStep: number,
  steps: number,
): Position {
  const { program } = progress;
  const common = {
    ...progress.constants,
    ...whereIs(placed),
    lossParameter: parameterFor(progress.run.loss, placed.data),
    firstStage: firstStages(program)[1],
    stages: program.evaluation.length,
    firstStep,
    steps,
    ordered: 0,
    stream: STREAMS.evaluation,
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
    // The momentum of SGD without decay: with a factor of 1 (addBatches), the sum of the batches' gradients.
    ...{ optimizer: OPTIMIZERS.sgd.code, firstMoments: ofGradient.places.first, secondMoments: NONE },
    gradients: ofGradient.places.gradients,
    ...{ weightDecay: 0, nesterov: 0 },
  };
}

/** The memory that has the network of a look. */
export const memoryOf = ({ progress, isOfGradient }: Look): Room =>
  isOfGradient ? progress.gradient!.memory : progress.memory;
