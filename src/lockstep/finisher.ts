/**
 * What happens to a run after its last step: its weights are read, completed with those that were left out of the
 * training, scored on the test set, and reported. In the background, while other runs train on.
 */
import type { Device } from '../gpu/device.js';
import { Scorer } from '../kernels/scoring.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { Cohort } from './cohort.js';
import { allWeights } from './live-columns.js';
import type { Settings } from './options.js';
import type { Pacer } from './pacer.js';
import type { RunProgress } from './run-progress.js';
import type { LockstepEvent, MlpWeights } from './types.js';

type Finish = Extract<LockstepEvent, { type: 'finish' }>;

/** A run that has ended, with its weights on their way. */
interface Ended {
  progress: RunProgress;
  steps: number;
  reason: Finish['reason'];
  weights: Promise<MlpWeights>;
}

export class Finisher {
  readonly #device: Device;
  readonly #settings: Settings;
  readonly #pacer: Pacer;
  #scorer: Promise<Scorer> | undefined;
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

  /** Takes over a run. Its weights are read as they are now; the slot is free for another run at once. */
  add(cohort: Cohort, progress: RunProgress, steps: number, reason: Finish['reason']): void {
    const weights = cohort.weights(progress.slot, this.#pacer.remaining(performance.now()));
    weights.catch(() => {}); // thrown where it is awaited
    const ended = { progress, steps, reason, weights };
    this.#pending.push(ended);
    // A diverged network has no predictions to score.
    const testSet = reason === 'non-finite' ? undefined : progress.run.testSet;
    this.#collected.set(testSet, [...(this.#collected.get(testSet) ?? []), ended]);
    this.#work ??= this.#scoreAll(cohort.kernelName).finally(() => {
      this.#work = undefined;
    });
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

  /** What was reported since the last call, and meanwhile; throws what went wrong. */
  *drain(): Generator<LockstepEvent> {
    if (this.#error) throw this.#error.cause;
    for (let event = this.#events.shift(); event; event = this.#events.shift()) yield event;
  }

  async #scoreAll(kernel: string): Promise<void> {
    try {
      await Promise.resolve(); // let every run that ended in this chunk be added first
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
        kernel === 'portable' ? 'portable' : 'shuffle',
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
