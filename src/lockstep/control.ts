/**
 * Decisions in pauses: what the caller may decide about runs, and the object that collects it. Each trainer says what fits its runs,
 * and carries the decisions out, in order, when the caller asks for the next event.
 */
import type { OptimizerDescription } from '../network/optimizers.js';
import { badArgument, checkNumber, checkObject } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';

/**
 * Decides about runs in a `pause` event. Decisions take effect in the order in which they were made, before the next step: made
 * again, they lead to the same bits, however fast the device is and whatever trains beside.
 *
 * @example
 * for await (const event of trainLockstep(device, { runs, pauseEvery: 500, ...shared })) {
 *   if (event.type !== 'pause') continue;
 *   const byLoss = [...event.runs].sort((a, b) => a.loss - b.loss);
 *   const [best, worst] = [byLoss[0].run, byLoss[byLoss.length - 1].run];
 *   if (best === worst) continue;
 *   event.control.fork(worst, { from: best });
 *   event.control.change(worst, { lr: 0.02 });
 * }
 */
export interface LockstepControl<Settings = OptimizerDescription> {
  /** Ends a run here: it finishes with the reason `stopped`. */
  stop(run: number): void;
  /**
   * Changes settings of the run's optimizer. Those that are not given stay.
   *
   * @throws LockstepError `bad-input` for another type of optimizer, another number of moments, or a learning rate or momentum
   * that a schedule sets.
   */
  change(run: number, settings: Settings): void;
  /**
   * The run goes on from another one's weights and moments, with the step count of that one's optimizer. Data, order, settings
   * and steps stay its own.
   *
   * @throws LockstepError `bad-input` where the two networks or their moments have different shapes, or one of two networks of
   * bits trains a feature that the other leaves out, as it is 0 in all of its examples.
   */
  fork(run: number, source: { from: number }): void;
}

/**
 * Runs have come to a multiple of `pauseEvery`. Decisions made with `control`, before the next event is asked for, take effect
 * before their next step. Loss and accuracy are those of the last evaluation, else of the last window.
 */
export interface PauseEvent<Settings = OptimizerDescription> {
  type: 'pause';
  runs: { run: number; step: number; loss: number; accuracy: number }[];
  control: LockstepControl<Settings>;
}

/** A decision, checked. */
export type Decision<Run, Changed> =
  | { type: 'stop'; run: Run }
  | { type: 'change'; run: Run; optimizer: Changed }
  | { type: 'fork'; run: Run; from: Run };

/** What fits the runs of a trainer. */
export interface ControlRules<Run, Settings, Changed> {
  /**
   * Other settings of a run's optimizer, checked.
   *
   * @param where With what errors begin.
   * @throws LockstepError `bad-input` naming the setting, its value and what fits.
   */
  changed(where: string, run: Run, settings: Settings): Changed;
  /** Why a run cannot go on from another one's weights and moments; undefined where it can. */
  forkProblem(run: Run, from: Run): string | undefined;
}

/** See {@link LockstepControl}. `Changed`: settings that were checked. */
export class PauseControl<Run extends { readonly index: number }, Settings, Changed>
  implements LockstepControl<Settings>
{
  /** Runs about which the caller may still decide: those that have not been stopped. */
  readonly #runs: Map<number, Run>;
  readonly #rules: ControlRules<Run, Settings, Changed>;
  readonly #decisions: Decision<Run, Changed>[] = [];
  #isOpen = true;

  constructor(runs: readonly Run[], rules: ControlRules<Run, Settings, Changed>) {
    this.#runs = new Map(runs.map((run) => [run.index, run]));
    this.#rules = rules;
  }

  stop(run: number): void {
    this.#decisions.push({ type: 'stop', run: this.#runOf('stop', run) });
    this.#runs.delete(run);
  }

  change(run: number, settings: Settings): void {
    const where = `change of run ${run}`;
    const changed = this.#runOf('change', run);
    checkObject(where, 'the settings', settings, '{ lr: 0.01 } fits');
    const optimizer = this.#rules.changed(where, changed, settings);
    this.#decisions.push({ type: 'change', run: changed, optimizer });
  }

  fork(run: number, source: { from: number }): void {
    const to = this.#runOf('fork', run);
    checkObject('fork', 'the source', source, '{ from: 0 } fits');
    checkOptionNames('fork', source, ['from']);
    const from = this.#runOf('fork', source.from);
    const problem = this.#rules.forkProblem(to, from);
    if (problem !== undefined) throw new LockstepError('bad-input', `fork: ${problem}.`);
    this.#decisions.push({ type: 'fork', run: to, from });
  }

  /** The decisions. From here on, no more are accepted. */
  close(): readonly Decision<Run, Changed>[] {
    this.#isOpen = false;
    return this.#decisions;
  }

  #runOf(what: string, run: number): Run {
    if (!this.#isOpen) {
      throw new LockstepError(
        'bad-input',
        `${what}: the pause is over; decide before the next event is asked for.`,
      );
    }
    checkNumber(what, 'the run', run, { min: 0, whole: true });
    const found = this.#runs.get(run);
    if (found) return found;
    throw badArgument(what, 'the run', run, `under way are ${[...this.#runs.keys()].join(', ') || 'none'}`);
  }
}
