/**
 * Collects what the caller decides in a pause: to stop a run, to change its optimizer, to have it go on from another run's weights.
 * The trainer carries the decisions out, in order, when the caller asks for the next event.
 */
import {
  momentsOf,
  type OptimizerDescription,
  type OptimizerSettings,
  optimizerOf,
} from '../../network/optimizers.js';
import { packedWords } from '../../network/weights.js';
import { badArgument, checkNumber, checkObject } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import type { NetworkProgress } from './progress.js';
import type { NetworkControl } from './types.js';

/** A decision, checked. */
type Decision =
  | { type: 'stop'; run: NetworkProgress }
  | { type: 'change'; run: NetworkProgress; optimizer: OptimizerSettings }
  | { type: 'fork'; run: NetworkProgress; from: NetworkProgress };

/** See {@link NetworkControl}. */
export class PauseControl implements NetworkControl {
  /** Runs about which the caller may still decide: those that have not been stopped. */
  readonly #runs: Map<number, NetworkProgress>;
  readonly #decisions: Decision[] = [];
  #isOpen = true;

  constructor(runs: readonly NetworkProgress[]) {
    this.#runs = new Map(runs.map((run) => [run.index, run]));
  }

  stop(run: number): void {
    this.#decisions.push({ type: 'stop', run: this.#runOf('stop', run) });
    this.#runs.delete(run);
  }

  change(run: number, settings: OptimizerDescription): void {
    const where = `change of run ${run}`;
    const progress = this.#runOf('change', run);
    checkObject(where, 'the settings', settings, '{ lr: 0.01 } fits');
    const before = progress.optimizer;
    if (progress.isScheduled && settings.lr !== undefined) {
      throw badArgument(where, 'lr', settings.lr, 'the run has a schedule, which sets its learning rate');
    }
    const optimizer = optimizerOf(where, { ...progress.described, ...settings } as OptimizerDescription);
    if (optimizer.type !== before.type || momentsOf(optimizer) !== momentsOf(before)) {
      const fits = `it goes on as ${before.type} with ${momentsOf(before)} moments`;
      throw badArgument(
        where,
        'the optimizer',
        `${optimizer.type} with ${momentsOf(optimizer)} moments`,
        fits,
      );
    }
    progress.described = { ...progress.described, ...settings } as OptimizerDescription;
    this.#decisions.push({ type: 'change', run: progress, optimizer });
  }

  fork(run: number, { from }: { from: number }): void {
    const [to, source] = [this.#runOf('fork', run), this.#runOf('fork', from)];
    const layers = ({ run: { network } }: NetworkProgress) =>
      network.layers
        .map(({ inputs, units, bias }) => `${inputs} x ${units}${bias ? ' + bias' : ''}`)
        .join(', ');
    const moments = (one: NetworkProgress) => momentsOf(one.optimizer);
    if (layers(to) !== layers(source) || packedWords(to.run.network) !== packedWords(source.run.network)) {
      throw new LockstepError(
        'bad-input',
        `fork: run ${run} has layers of ${layers(to)}, run ${from} of ${layers(source)}; they must be the same.`,
      );
    }
    if (moments(to) !== moments(source) || to.optimizer.type !== source.optimizer.type) {
      throw new LockstepError(
        'bad-input',
        `fork: run ${run} trains with ${to.optimizer.type}, run ${from} with ${source.optimizer.type}, or with another ` +
          'number of moments; they must be the same.',
      );
    }
    this.#decisions.push({ type: 'fork', run: to, from: source });
  }

  /** The decisions. From here on, no more are accepted. */
  close(): readonly Decision[] {
    this.#isOpen = false;
    return this.#decisions;
  }

  #runOf(what: string, run: number): NetworkProgress {
    if (!this.#isOpen) {
      throw new LockstepError(
        'bad-input',
        `${what}: the pause is over; decide before the next event is asked for.`,
      );
    }
    checkNumber(what, 'the run', run, { min: 0, whole: true });
    const progress = this.#runs.get(run);
    if (progress) return progress;
    throw badArgument(what, 'the run', run, `under way are ${[...this.#runs.keys()].join(', ') || 'none'}`);
  }
}
