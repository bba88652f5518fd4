/**
 * Cuts an evaluation into looks, which the kernel carries out one after the other, and writes the kernel's data for them. The
 * trainer decides when a run is evaluated; evaluation.ts says on which examples.
 */
import { NONE, type POSITION, type STEP } from '../../../shaders/network/chunk.wgsl.js';
import { STREAMS } from '../../../shaders/network/samplers.wgsl.js';
import type { Section } from './evaluation.js';
import { probesExamples } from './probes.js';
import { type NetworkProgress, type PlacedDataset, parameterFor, whereIs } from './progress.js';

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
}

/** The looks of a run's evaluation, by section. They come one after the other, as they share the run's memory. */
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

/** How many examples batch `s` of a look has. */
export function countOf({ progress, section, firstBatch }: Look, s: number): number {
  const { batchSize } = progress.run;
  return Math.min(batchSize, section.examples - (firstBatch + s) * batchSize);
}

/** The steps of a look, which train nothing. */
export function stepsOf(look: Look): Step[] {
  const { targetWidth } = look.progress.program;
  return Array.from({ length: look.steps }, (_, s) => {
    const count = countOf(look, s);
    const invNumbers = 1 / (count * targetWidth);
    return { shrink: 1, stepSize: 0, invRootCorrection2: 1, count, invNumbers, isFirst: 0 };
  });
}

/** The position of a look, which reads its rows in order. */
export function positionOf(
  { progress, section, placed, firstBatch, steps }: Look,
  firstStage: number,
  firstStep: number,
  /** How many steps the run has done by then. */
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
