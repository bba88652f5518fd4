/**
 * Checks a caller's run, packs its data and fills in its defaults, before anything is allocated. checkpoint.ts checks a run's
 * checkpoint.
 */
import { calling, readProperties } from '../platform/calling.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import type { BinaryDataset } from '../tensor/bits.js';
import { packDataset } from '../tensor/pack-bits.js';
import { checkOptimizer } from './adamw-settings.js';
import { checkpointProblem, kindOf, type StateLayout } from './checkpoint.js';
import { checkControl } from './checkpoint-control.js';
import { isFloat32Array, isObject, type Settings, shown } from './options.js';
import type { AdamWSettings, LockstepDataset, LockstepRun, MlpWeights, RunCheckpoint } from './types.js';

/** A run that has passed the checks, with its data packed and its defaults filled in. */
export interface AcceptedRun {
  /** The run's number in events and errors. */
  index: number;
  weights: MlpWeights;
  dataset: BinaryDataset;
  testSet?: BinaryDataset;
  orderSeed: number;
  optimizer: Required<AdamWSettings>;
  checkpoint?: RunCheckpoint;
  /** What its checkpoints say of it. */
  of: RunCheckpoint['of'];
}

type Refuse = (what: string) => never;

/** The names of all fields; the types see to it that none is missing. */
const RUN: Record<keyof LockstepRun, true> = {
  weights: true,
  dataset: true,
  testSet: true,
  orderSeed: true,
  optimizer: true,
  checkpoint: true,
};
const DATASET: Record<keyof LockstepDataset, true> = { x: true, y: true };

/** Accepts the runs of one training. Runs that name the same dataset object share its packed form. */
export class RunAcceptor {
  readonly #settings: Settings;
  readonly #layoutOf: ((checkpoint: RunCheckpoint, dataset: BinaryDataset) => StateLayout) | undefined;
  /** Weak, so that the caller can drop a dataset once it is on the device. */
  readonly #packed = new WeakMap<object, BinaryDataset>();

  /**
   * @param layoutOf How the kernel of a checkpoint lays out its states. Without it, the lengths in checkpoints are
   *   not checked.
   */
  constructor(
    settings: Settings,
    layoutOf?: (checkpoint: RunCheckpoint, dataset: BinaryDataset) => StateLayout,
  ) {
    this.#settings = settings;
    this.#layoutOf = layoutOf;
  }

  /** @throws LockstepError `bad-input` naming the run, the field and its value. */
  accept(run: LockstepRun, index: number): AcceptedRun {
    const where = `trainLockstep: run ${index}`;
    const ask = <T>(field: string, read: () => T): T => calling(where, field, read);
    const refuse: Refuse = (what) => {
      throw new LockstepError('bad-input', `${where}: ${what}.`);
    };
    if (!isObject(run)) refuse(`it is ${shown(run)}; it must be { weights, dataset, orderSeed, … }`);
    ask('the run', () => checkOptionNames(where, run, Object.keys(RUN)));
    const fields = readProperties(where, run, Object.keys(RUN)) as LockstepRun;
    const { weights, dataset, testSet, orderSeed, optimizer, checkpoint } = fields;
    const packed = (field: 'dataset' | 'testSet', given: LockstepDataset) =>
      ask(field, () => this.#pack(where, field, given));
    const examples = packed('dataset', dataset);
    const accepted = {
      index,
      weights: ask('weights', () => checkWeights(where, weights, this.#settings, refuse)),
      dataset: examples,
      of: kindOf(examples, orderSeed, this.#settings.batchSize),
      testSet: testSet === undefined ? undefined : packed('testSet', testSet),
      orderSeed,
      optimizer: ask('optimizer', () => checkOptimizer(where, optimizer)),
      checkpoint,
    };
    if (!Number.isSafeInteger(orderSeed)) {
      refuse(`orderSeed is ${shown(orderSeed)}; it must be a whole number below 2^53`);
    }
    if (checkpoint !== undefined) {
      ask('checkpoint', () => {
        this.#checkCheckpoint(where, checkpoint, accepted);
        checkControl(`${where}: checkpoint: control`, checkpoint, this.#settings);
      });
    }
    return accepted;
  }

  #pack(where: string, name: string, given: LockstepDataset): BinaryDataset {
    const fail = (problem: string) => new LockstepError('bad-input', `${where}: ${name}${problem}`);
    if (!isObject(given)) throw fail(` is ${shown(given)}; it must be { x, y }.`);
    const before = this.#packed.get(given);
    if (before) return before;
    checkOptionNames(`${where}: ${name}`, given, Object.keys(DATASET));
    const cols = this.#settings.features;
    const packed = packDataset(given, { cols, fail: (problem) => fail(`.${problem}`) });
    const { rows, cols: found } = packed.x;
    if (rows < 1) throw fail('.x has no rows; give at least one example.');
    if (found !== cols) throw fail(`.x has ${found} columns; features is ${cols}.`);
    this.#packed.set(given, packed);
    return packed;
  }

  #checkCheckpoint(where: string, checkpoint: RunCheckpoint, { dataset, of }: AcceptedRun): void {
    const layout = this.#layoutOf && (() => this.#layoutOf!(checkpoint, dataset));
    const problem = checkpointProblem(`${where}: checkpoint`, checkpoint, this.#settings, of, layout);
    if (!problem) return;
    throw new LockstepError(
      'bad-input',
      `${where} cannot go on from its checkpoint: ${problem}. Use the options and the kernel that it was made with, or ` +
        'begin the run anew.',
    );
  }
}

function checkWeights(where: string, weights: MlpWeights, settings: Settings, refuse: Refuse): MlpWeights {
  const { hidden, features } = settings;
  const lengths: Record<keyof MlpWeights, number> = { w1: hidden * features, b1: hidden, w2: hidden, b2: 1 };
  if (!isObject(weights)) refuse(`weights is ${shown(weights)}; it must be { w1, b1, w2, b2 }`);
  checkOptionNames(`${where}: weights`, weights, Object.keys(lengths));
  for (const [name, length] of Object.entries(lengths)) {
    const array: unknown = weights[name as keyof MlpWeights];
    if (!isFloat32Array(array)) {
      refuse(`weights.${name} is ${shown(array)}; it must be a Float32Array of ${length} elements`);
    }
    const values = array as Float32Array;
    if (values.length !== length)
      refuse(`weights.${name} has ${values.length} elements; ${hidden} x ${features} needs ${length}`);
    // A plain loop: a hundred runs have 3 million numbers.
    for (let k = 0; k < length; k++)
      if (!Number.isFinite(values[k])) refuse(`weights.${name}[${k}] holds ${values[k]}`);
  }
  return { ...weights };
}
