/**
 * Looks at sets while runs train: which batches of a section they are, and what the kernel is told of them. Who looks when is
 * the trainer's; what an evaluation consists of is evaluation.ts's.
 */
import { NONE, type POSITION, type STEP } from '../../../shaders/network/chunk.wgsl.js';
import { STREAMS } from '../../../shaders/network/samplers.wgsl.js';
import type { Section } from './evaluation.js';
import { type NetworkProgress, type PlacedDataset, parameterFor, whereIs } from './progress.js';

type Position = Parameters<typeof POSITION.array>[0][number];
type Step = Parameters<typeof STEP.array>[0][number];

/** All batches of a section, for one run. */
export interface Look {
  readonly progress: NetworkProgress;
  readonly section: Section;
  readonly placed: PlacedDataset;
  /** Batches, which take a step each. */
  readonly steps: number;
}

/** What a run's evaluation looks at, one after the other: a run does one thing at a time. */
export function looksOf(progress: NetworkProgress): Look[] {
  const { evaluation, batchSize } = progress.run;
  return (evaluation?.sections ?? []).map((section, k) => {
    const steps = Math.ceil(section.examples / batchSize);
    return { progress, section, placed: progress.sections[k], steps };
  });
}

/** The numbers of its batches. Nothing is learnt from them. */
export function stepsOf({ progress, section, steps }: Look): Step[] {
  const { batchSize } = progress.run;
  const { targetWidth } = progress.program;
  return Array.from({ length: steps }, (_, s) => {
    const count = Math.min(batchSize, section.examples - s * batchSize);
    const invNumbers = 1 / (count * targetWidth);
    return { shrink: 1, stepSize: 0, invRootCorrection2: 1, count, invNumbers, isFirst: 0 };
  });
}

/** The sets are read from the first row to the last. */
export function positionOf(
  { progress, section, placed, steps }: Look,
  firstStage: number,
  firstStep: number,
  /** Steps that the run has done then. */
  done: number,
): Position {
  const { room, data } = placed;
  return {
    ...progress.constants,
    ...whereIs(room, data),
    lossParameter: parameterFor(progress.run.loss, data),
    firstStage,
    stages: progress.program.evaluation.length,
    firstStep,
    steps,
    order: NONE,
    firstRow: section.firstRow,
    stream: STREAMS.evaluation,
    drawStep: done,
  };
}
