/**
 * A pass of looks at several runs: the looks of each, the rounds in which they go to the device together, their work and their
 * results. looks.ts cuts what one run is looked at with into its looks; chunk.ts carries passes out.
 */

import { countsOnDevice } from './dataset.js';
import { batchesIn, gradientLooksOf, type Look, looksOf, type PlacedSection } from './looks.js';
import { lookWork } from './pacer.js';
import { type NetworkProbed, scaledNorms } from './probes.js';
import type { NetworkProgress } from './progress.js';

/**
 * The looks of each run, one after the other, as they share the run's memory.
 *
 * @param due The sections that each run is looked at with, none where nothing is due.
 * @param mostWork A round should not have more work than this.
 */
export function looksInTurn(
  runs: readonly NetworkProgress[],
  due: readonly (readonly PlacedSection[])[],
  mostWork: number,
): Look[][] {
  const aRound = runs.reduce((sum, { program }, k) => sum + (due[k].length > 0 ? lookWork(program) : 0), 0);
  const most = Math.max(1, Math.floor(mostWork / aRound));
  return runs.map((run, k) => [
    ...looksOf(run, due[k], most),
    // A batch of a gradient is the work of a step, three times that of another one.
    ...gradientLooksOf(run, due[k], Math.ceil(most / 3)),
  ]);
}

/** The first look of each run, then the second of each that has one, and so on. */
export function inRounds(looks: readonly (readonly Look[])[]): Look[][] {
  const length = looks.reduce((most, inTurn) => Math.max(most, inTurn.length), 0);
  return Array.from({ length }, (_, k) => looks.flatMap((inTurn) => inTurn.slice(k, k + 1)));
}

/** The runs whose gradients are added up. */
export const differentiated = (looks: readonly (readonly Look[])[]): NetworkProgress[] => [
  ...new Set(looks.flat().flatMap(({ progress, isOfGradient }) => (isOfGradient ? [progress] : []))),
];

export const workOfLooks = (looks: readonly Look[]): number =>
  looks.reduce((sum, { progress, isOfGradient, batches, part }) => {
    const { program } = progress;
    const share = part === undefined ? batches : program.evaluationPart / program.evaluationBatch;
    return sum + share * (isOfGradient ? 3 : 1) * lookWork(program);
  }, 0);

/**
 * The results of evaluations: of each run a list of batches for each section; undefined where none was due.
 *
 * @param looks Of each run.
 * @param results Of the batches of these looks, gradients' too, and maybe more.
 */
export function resultsOf<Result>(
  looks: readonly (readonly Look[])[],
  results: readonly Result[],
): (Result[][] | undefined)[] {
  let at = 0;
  return looks.map((inTurn) => {
    if (inTurn.length === 0) return undefined;
    const [{ progress }] = inTurn;
    const ofSections = progress.run.evaluation!.sections.map((section) => {
      const batches = batchesIn(progress, section);
      at += batches;
      return results.slice(at - batches, at);
    });
    for (const { isOfGradient, batches } of inTurn) if (isOfGradient) at += batches;
    return ofSections;
  });
}

/**
 * What probes found, with the gradient of a mean over the examples that count: where only the device could count them, it added up
 * the gradient as if all did.
 *
 * @param looks Of the run.
 * @param batches Results that say how many of the examples counted.
 */
export function averaged(
  found: NetworkProbed | undefined,
  looks: readonly Look[],
  batches: readonly { counted: number }[],
): NetworkProbed | undefined {
  const look = looks.find(({ isOfGradient }) => isOfGradient);
  if (!found?.gradientNorm || !look || !countsOnDevice(look.section.data)) return found;
  const counted = batches.reduce((sum, one) => sum + one.counted, 0);
  if (counted === 0) return found; // of 0
  return { ...found, gradientNorm: scaledNorms(found.gradientNorm, look.counted! / counted) };
}
