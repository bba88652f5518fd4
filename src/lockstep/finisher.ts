/**
 * What happens to a run after its last step: its weights are read, completed with those that were left out of the
 * training, scored on the test set, and reported. In the background, while other runs train on.
 */
import type { Device } from '../gpu/device.js';
import { Scorer } from '../kernels/train/scoring.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { Cohort } from './cohort.js';
import { allWeights } from './live-columns.js';
import type { Settings } from './options.js';
import type { Pacer } from './pacer.js';
import type { RunProgress } from './run-progress.js';
import type { LockstepEvent, MlpWeights } from './types.js';

type Finish = Extract<LockstepEvent, { type: 'finish' }>;

/** A run that has ended. */
interface Added {
  cohort: Cohort;
  progress: RunProgress;
  steps: number;
  reason: Finish['reason'];
}

/** The same with its weights on their way. */
interface Ended extends Added {
  weights: Promise<MlpWeights>;
}

export class Finisher {
  readonly #device: Device;
  readonly #settings: Settings;
  readonly #pacer: Pacer;
  #scorer: Promise<Scorer> | undefined;
  #added: Added[] = [];
  /** Runs whose weights are being read, by test set: they are scored together. */
  #collected = new Map<BinaryDataset | undefined, Ended[]>();
  #pending: Ended[] = [];
  #work: Promise<void> | undefined;
  readonly #events: LockstepEvent[] = [];
  #error: { cause: unknown } | undefined;

  constructor(device: Device, settings: Settings, pacer: Pacer) {
    this.#device = device;
    this.#settings = settings;
    this.#pacer = pacer;
  }

  /** Takes over a run. Its weights are read at the next {@link flush}. */
  add(cohort: Cohort, progress: RunProgress, steps: number, reason: Finish['reason']): void {
    this.#added.push({ cohort, progress, steps, reason });
  }

  /** Reads the weights of the runs that were added, as they are now; their slots are free for others at once. */
  flush(): void {
    const expectedMs = this.#pacer.remaining(performance.now());
    for (const cohort of new Set(this.#added.map((one) => one.cohort))) {
      const here = this.#added.filter((one) => one.cohort === cohort);
      const weights = cohort.weights(
        here.map(({ progress }) => progress.slot),
        expectedMs,
      );
      here.forEach((one, k) => {
        this.#collect({ ...one, weights: weights[k] });
      });
      this.#work ??= this.#scoreAll(cohort.kernelName).finally(() => {
        this.#work = undefined;
      });
    }
    this.#added = [];
  }

  #collect(ended: Ended): void {
    const { progress, reason, weights } = ended;
    weights.catch(() => {}); // thrown where it is awaited
    this.#pending.push(ended);
    // A diverged network has no predictions to score.
    const testSet = reason === 'non-finite' ? undefined : progress.run.testSet;
    const others = this.#collected.get(testSet) ?? [];
    this.#collected.set(testSet, others);
    others.push(ended);
  }

  /** Whether there is something to score, or to {@link drain}: a slow reader of events gives time for new ones. */
  get busy(): boolean {
    return this.#work !== undefined || this.#error !== undefined || this.#events.length > 0;
  }

  /** Gives up: the runs that ended and are not scored. Nothing is reported from here on but what {@link drain} has. */
  abandon(): { index: number; steps: number }[] {
    const abandoned = this.#pending.map(({ progress, steps }) => ({ index: progress.index, steps }));
    this.#pending = [];
    return abandoned;
  }

  /** Resolves when there is nothing left to score. */
  async wait(): Promise<void> {
    await this.#work;
  }

  /** What was reported since the last call, and meanwhile; then throws what went wrong. */
  *drain(): Generator<LockstepEvent> {
    yield* this.reported();
    if (this.#error) throw this.#error.cause;
  }

  /** What was reported since the last call, and meanwhile. */
  *reported(): Generator<LockstepEvent> {
    for (let event = this.#events.shift(); event; event = this.#events.shift()) yield event;
  }

  /** No test set is begun from here on. */
  close(): void {
    this.#collected.clear();
  }

  async #scoreAll(kernel: string): Promise<void> {
    try {
      await Promise.resolve(); // let every run that ended in this chunk be collected first
      while (this.#collected.size > 0) {
        const [[testSet, ended]] = this.#collected;
        this.#collected.delete(testSet);
        await this.#score(testSet, ended, kernel);
      }
    } catch (cause) {
      this.#error = { cause };
    }
  }

  async #score(testSet: BinaryDataset | undefined, ended: readonly Ended[], kernel: string): Promise<void> {
    const { features, hidden, keepWeights } = this.#settings;
    const networks = await Promise.all(
      ended.map(async ({ progress, steps, weights }) =>
        allWeights(
          await weights,
          progress.run.weights,
          features,
          progress.placement.columns,
          progress.decay,
          steps,
        ),
      ),
    );
    let accuracies = ended.map(() => Number.NaN);
    if (testSet) {
      this.#scorer ??= Scorer.create(
        this.#device,
        features,
        hidden,
        kernel === 'portable' ? 'portable' : 'subgroup',
      );
      accuracies = await (await this.#scorer).accuracies(
        testSet,
        networks,
        this.#pacer.remaining(performance.now()),
      );
    }
    ended.forEach((one, k) => {
      if (!this.#pending.includes(one)) return;
      const { progress, steps, reason } = one;
      const weights = keepWeights ? networks[k] : undefined;
      this.#events.push({
        type: 'finish',
        run: progress.index,
        steps,
        reason,
        testAccuracy: accuracies[k],
        weights,
      });
    });
    this.#pending = this.#pending.filter((one) => !ended.includes(one));
  }
}
