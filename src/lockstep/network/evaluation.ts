/**
 * The examples of an evaluation: one set, or a section for each group. This checks the option and adds up results. progress.ts
 * says when an evaluation is due; looks.ts and chunk.ts carry it out.
 */
import type { Loss } from '../../network/losses.js';
import type { Network } from '../../network/network.js';
import { isSampler, type Sampler } from '../../network/sampler.js';
import { badArgument, checkBoolean, checkNumber, checkObject } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';
import type { PackedDataset } from './dataset.js';
import type { PackedDatasets } from './packed-datasets.js';
import type { NetworkRunSettings } from './types.js';

/** Examples of an evaluation that lie one after the other. No batch has examples of two sections. */
export interface Section {
  readonly data: PackedDataset;
  readonly firstRow: number;
  readonly examples: number;
  /** Whether they belong to the set itself. The groups of samplers do not: they are evaluated in addition. */
  readonly isOfSet: boolean;
  /** The number of their group. */
  readonly group?: number;
  /** If they are the batch of a training step: its number, and the order that names their rows, from `firstRow` on. */
  readonly batch?: { readonly step: number; readonly order: Uint32Array };
}

/** The evaluation of a run. */
export interface Evaluation {
  readonly sections: readonly Section[];
  readonly every: number;
  readonly keepBest: boolean;
  /** How many groups there are; 0 if there are none. */
  readonly groups: number;
}

/** Smaller batches would take as long as this: many of a kernel's invocations would have nothing to do. */
const LEAST_BATCH = 32;

/** How many examples a batch of a run's evaluation has, whose batches in training have `batchSize`. */
export function evaluationBatch(evaluation: Evaluation | undefined, batchSize: number): number {
  const most = Math.max(0, ...(evaluation?.sections ?? []).map(({ examples }) => examples));
  return Math.max(batchSize, Math.min(LEAST_BATCH, most));
}

/** Of one batch: its mean loss, right outputs, and outputs that counted. Of several: the sum of all losses, and the same. */
export interface BatchSums {
  loss: number;
  hits: number;
  counted: number;
}

type Options = NonNullable<NetworkRunSettings['evaluate']>;

/** A bound on the number of dispatches. */
const MOST_GROUPS = 4096;
const FRESH_EXAMPLES = 1000;

/** @throws LockstepError `bad-input` naming the option, its value and what fits. */
export async function evaluationOf(
  run: string,
  evaluate: Options | undefined,
  network: Network,
  loss: Loss,
  datasets: PackedDatasets,
): Promise<Evaluation | undefined> {
  if (evaluate === undefined) return undefined;
  const where = `${run}: evaluate`;
  checkObject(where, 'it', evaluate, 'it is { data: { x, y }, every: 100 }');
  checkOptionNames(where, evaluate, ['data', 'every', 'examples', 'keepBest', 'groups']);
  const { data, every = 2 ** 31 - 1, keepBest = false, examples = FRESH_EXAMPLES, groups } = evaluate;
  checkBoolean(where, 'keepBest', keepBest);
  checkNumber(where, 'every', every, { min: 1, whole: true });
  const packed = await datasets.get(`${where}.data`, data, network, loss);
  if (isSampler(data)) {
    checkNumber(where, 'examples', examples, { min: 1, max: 2 ** 31 - 1, whole: true });
    const samplers = groups === undefined ? [] : samplersOf(where, groups);
    const parts = await Promise.all(
      samplers.map((sampler, k) => datasets.get(`${where}.groups[${k}]`, sampler, network, loss)),
    );
    const sections = [
      { data: packed, firstRow: 0, examples, isOfSet: true },
      ...parts.map((part, group) => ({ data: part, firstRow: 0, examples, isOfSet: false, group })),
    ];
    return { sections, every, keepBest, groups: parts.length };
  }
  if (evaluate.examples !== undefined) {
    const fits = 'it is for samplers; of a dataset all are looked at';
    throw badArgument(where, 'examples', evaluate.examples, fits);
  }
  if (groups === undefined) {
    const whole = { data: packed, firstRow: 0, examples: packed.examples, isOfSet: true };
    return { sections: [whole], every, keepBest, groups: 0 };
  }
  checkGroups(where, groups, packed.examples);
  const { data: sorted, sizes } = await datasets.grouped(`${where}.data`, data, groups, network, loss);
  let firstRow = 0;
  const sections = sizes.map((size, group) => {
    const section = { data: sorted, firstRow, examples: size, isOfSet: true, group };
    firstRow += size;
    return section;
  });
  return { sections: sections.filter((one) => one.examples > 0), every, keepBest, groups: sizes.length };
}

function samplersOf(where: string, groups: ArrayLike<number> | readonly Sampler[]): readonly Sampler[] {
  const list = Array.isArray(groups) ? (groups as readonly unknown[]) : [];
  const fits = 'the data is a sampler: a list of samplers fits, one for each group';
  if (list.length === 0) throw badArgument(where, 'groups', groups, fits);
  checkNumber(where, 'the number of groups', list.length, { min: 1, max: MOST_GROUPS, whole: true });
  return list.map((one, k) => {
    if (typeof one === 'object' && one !== null && isSampler(one)) return one;
    throw badArgument(where, `groups[${k}]`, one, fits);
  });
}

function checkGroups(
  where: string,
  groups: ArrayLike<number> | readonly Sampler[],
  examples: number,
): asserts groups is ArrayLike<number> {
  const isList = Array.isArray(groups) || ArrayBuffer.isView(groups);
  const fits = `the group of each of the ${examples} examples fits, as [0, 1, 1, …]`;
  if (!isList) throw badArgument(where, 'groups', groups, fits);
  const list = groups as unknown as ArrayLike<unknown>;
  if (list.length !== examples) throw badArgument(where, 'the length of groups', list.length, fits);
  for (let k = 0; k < examples; k++) {
    checkNumber(where, `groups[${k}]`, list[k], { min: 0, below: MOST_GROUPS, whole: true });
  }
}

/** The sums over some batches. The loss of a batch in which nothing counts is 0 / 0, and is left out. */
export function sumsOf(batches: readonly BatchSums[]): BatchSums {
  const sums = { loss: 0, hits: 0, counted: 0 };
  for (const { loss, hits, counted } of batches) {
    if (counted > 0) sums.loss += loss * counted;
    sums.hits += hits;
    sums.counted += counted;
  }
  return sums;
}
