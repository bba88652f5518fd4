/**
 * Looks at sets while runs train: which batches of a section they are, and what the kernel is told of them. Who looks when is
 * the trainer's; what an evaluation consists of is evaluation.ts's.
 */
import { NONE, type POSITION, type STEP } from '../../../shaders/network/chunk.wgsl.js';
import { STREAMS } from '../../../shaders/network/samplers.wgsl.js';
import type { Section } from './evaluation.js';
import { probesExamples } from './probes.js';
import { type NetworkProgress, type PlacedDataset, parameterFor, whereIs } from './progress.js';

type Position = Parameters<typeof POSITION.array>[0][number];
type Step = Parameters<typeof STEP.array>[0][number];

/** Batches of a section that are looked at in one go, for one run. */
export interface Look {
  readonly progress: NetworkProgress;
  readonly section: Section;
  readonly placed: PlacedDataset;
  readonly firstBatch: number;
  /** Batches, which take a step each. */
  readonly steps: number;
  /** Whether probes look at what the network makes of it: then it is a single batch. */
  readonly isProbed: boolean;
  /** Whether it is the first one of all. */
  readonly isFirst: boolean;
}

/** What a run's evaluation looks at, by section, one after the other: a run does one thing at a time. */
export function looksOf(progress: NetworkProgress): Look[][] {
  const { evaluation, batchSize, probes } = progress.run;
  return (evaluation?.sections ?? []).map((section, k) => {
    const batches = Math.ceil(section.examples / batchSize);
    const isProbed = section.isOfSet && probesExamples(probes);
    const looks = isProbed ? batches : 1;
    return Array.from({ length: looks }, (_, firstBatch) => ({
      ...{ progress, section, placed: progress.sections[k], firstBatch, steps: isProbed ? 1 : batches },
      ...{ isProbed, isFirst: k === 0 && firstBatch === 0 },
    }));
  });
}

/** Examples of its batch `s`. */
export function countOf({ progress, section, firstBatch }: Look, s: number): number {
  const { batchSize } = progress.run;
  return Math.min(batchSize, section.examples - (firstBatch + s) * batchSize);
}

/** The numbers of its batches. Nothing is learnt from them. */
export function stepsOf(look: Look): Step[] {
  const { targetWidth } = look.progress.program;
  return Array.from({ length: look.steps }, (_, s) => {
    const count = countOf(look, s);
    const invNumbers = 1 / (count * targetWidth);
    return { shrink: 1, stepSize: 0, invRootCorrection2: 1, count, invNumbers, isFirst: 0 };
  });
}

/** The sets are read from the first row to the last. */
export function positionOf(
  { progress, section, placed, firstBatch, steps }: Look,
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
    firstRow: section.firstRow + firstBatch * progress.run.batchSize,
    stream: STREAMS.evaluation,
    drawStep: done,
  };
}
