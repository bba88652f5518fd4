/**
 * Finishes runs after their last step. It copies their networks out of the slots, adds the weights that were left out of the
 * training, and scores the networks on their test sets. All of this happens on the device while other runs train on; the
 * trainer reports the results.
 */
import type { Device } from '../gpu/device.js';
import { type NetworkLayout, Networks, networksAtOnce } from '../kernels/train/networks.js';
import { Scorer } from '../kernels/train/scoring.js';
import { span } from '../platform/host-spans.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { Cohort } from './cohort.js';
import { finishEvent, type Held } from './finish-event.js';
import { leftOutWeights } from './live-columns.js';
import type { Settings } from './options.js';
import type { Pacer } from './pacer.js';
import type { Run } from './run.js';
import type { FinishEvent, MlpWeights } from './types.js';

/** A run that has ended. */
export interface Ended {
  run: Run;
  steps: number;
  reason: FinishEvent['reason'];
}

/** A run that waits to be scored. */
interface Waiting extends Ended {
  resolve(event: Held<FinishEvent>): void;
  reject(cause: unknown): void;
}

/** Runs that are scored together, with their networks in one buffer. */
interface Group {
  runs: readonly Waiting[];
  networks: Networks;
}

export class Finisher {
  readonly #device: Device;
  readonly #settings: Settings;
  readonly #pacer: Pacer;
  #scorer: Scorer | undefined;
  /** By test set. Groups that came together, or while another test set was being scored, are scored together. */
  readonly #groups = new Map<BinaryDataset | undefined, Group[]>();
  #isScoring = false;
  #isPrepared = false;
  /** The networks that are on the device. */
  readonly #networks = new Set<Networks>();

  constructor(device: Device, settings: Settings, pacer: Pacer) {
    this.#device = device;
    this.#settings = settings;
    this.#pacer = pacer;
  }

  /**
   * Begins to compile what will score these runs. To be called once they train: the device then need not wait for it when they
   * end.
   */
  prepare(runs: Iterable<Run>): void {
    if (this.#isPrepared) return;
    for (const { cohort, testSet } of runs) {
      if (testSet === undefined) continue;
      this.#scorerOf(cohort).prepare();
      this.#isPrepared = true;
      return;
    }
  }

  /**
   * Ends runs and copies their networks, as they are after all chunks sent so far. When this returns, their slots are
   * free for others.
   *
   * @returns For each run its event, once it is scored.
   */
  finish(ended: readonly Ended[]): Promise<Held<FinishEvent>>[] {
    const waiting: Waiting[] = [];
    const events = ended.map(
      (one) =>
        new Promise<Held<FinishEvent>>((resolve, reject) => {
          waiting.push({ ...one, resolve, reject });
        }),
    );
    for (const cohort of new Set(ended.map((one) => one.run.cohort)))
      this.#take(
        cohort,
        waiting.filter((one) => one.run.cohort === cohort),
      );
    for (const { run } of ended) run.end();
    if (!this.#isScoring) this.#scoreAll();
    return events;
  }

  /** Copies the networks of one cohort's runs, those with the same test set into the same buffers. */
  #take(cohort: Cohort, waiting: readonly Waiting[]): void {
    const { layout } = this.#scorerOf(cohort);
    const most = networksAtOnce(this.#device, layout);
    for (const testSet of new Set(waiting.map(testSetOf))) {
      const these = waiting.filter((one) => testSetOf(one) === testSet);
      const groups = this.#groups.get(testSet) ?? [];
      this.#groups.set(testSet, groups);
      for (let first = 0; first < these.length; first += most) {
        const runs = these.slice(first, first + most);
        groups.push({ runs, networks: this.#copy(cohort, runs, layout) });
      }
    }
  }

  /** One for all cohorts: they differ in the inputs that they train, and all inputs are scored. */
  #scorerOf({ kernelName }: Cohort): Scorer {
    const { features, hidden } = this.#settings;
    const name = kernelName === 'portable' ? 'portable' : 'subgroup';
    this.#scorer ??= new Scorer(this.#device, features, hidden, name);
    return this.#scorer;
  }

  #copy(cohort: Cohort, runs: readonly Waiting[], layout: NetworkLayout): Networks {
    const networks = new Networks(this.#device, layout, runs.length);
    this.#networks.add(networks);
    if (runs[0].run.placement.columns.length < layout.features)
      networks.write(span('data', 'weights left out', () => leftOut(runs, layout)));
    cohort.copyNetworks(
      runs.map(({ run }) => run),
      networks,
    );
    return networks;
  }

  #free(networks: Networks): void {
    this.#networks.delete(networks);
    networks.free();
  }

  async #scoreAll(): Promise<void> {
    this.#isScoring = true;
    for (let next = this.#next(); next; next = this.#next()) {
      const [testSet, groups] = next;
      try {
        await this.#score(testSet, groups);
      } catch (cause) {
        for (const { reject } of groups.flatMap(({ runs }) => runs)) reject(cause);
      }
    }
    this.#isScoring = false;
  }

  #next(): [BinaryDataset | undefined, Group[]] | undefined {
    const [next] = this.#groups;
    if (next) this.#groups.delete(next[0]);
    return next;
  }

  async #score(testSet: BinaryDataset | undefined, groups: readonly Group[]): Promise<void> {
    const expectedMs = this.#pacer.remaining(performance.now());
    const networks = groups.map((group) => group.networks);
    const [accuracies, weights] = await Promise.all([
      testSet && this.#scorer!.accuracies(testSet, networks, expectedMs),
      this.#settings.keepWeights ? readAll(networks, expectedMs) : undefined,
    ]);
    groups.forEach((group, g) => {
      let held = group.runs.length;
      const release = () => {
        if (--held === 0) this.#free(group.networks);
      };
      group.runs.forEach(({ run, steps, reason, resolve }, k) => {
        const read = () => group.networks.read(k, { expectedMs: this.#pacer.remaining(performance.now()) });
        const testAccuracy = accuracies?.[g][k] ?? Number.NaN;
        resolve(finishEvent({ run: run.index, steps, reason, testAccuracy }, read, release, weights?.[g][k]));
      });
    });
  }

  /** Begins no other test set. Runs that still wait for theirs are not scored. */
  stop(): void {
    const cause = new Error('the training has ended');
    for (const group of [...this.#groups.values()].flat()) for (const { reject } of group.runs) reject(cause);
    this.#groups.clear();
  }

  /** Frees the networks that are on the device. */
  destroy(): void {
    for (const networks of this.#networks) this.#free(networks);
  }
}

/** A diverged network has no predictions to score. */
const testSetOf = ({ run, reason }: Ended): BinaryDataset | undefined =>
  reason === 'non-finite' ? undefined : run.testSet;

/**
 * Networks with the weights that were left out of the training. What stands in the other places is overwritten later.
 */
function leftOut(runs: readonly Ended[], layout: NetworkLayout): Float32Array {
  const floats = new Float32Array(layout.floats * runs.length);
  runs.forEach(({ run, steps }, k) => {
    const network = floats.subarray(k * layout.floats, (k + 1) * layout.floats);
    leftOutWeights(run.optimizer.leftOut(steps), layout, network);
  });
  return floats;
}

function readAll(groups: readonly Networks[], expectedMs: number): Promise<MlpWeights[][]> {
  return Promise.all(
    groups.map((networks) =>
      Promise.all(Array.from({ length: networks.count }, (_, k) => networks.read(k, { expectedMs }))),
    ),
  );
}
