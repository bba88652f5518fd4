/**
 * The schedule of one run: what it may change, and whether what it has set fits. Whatever it sets that would have no effect is
 * refused. The schedules themselves are the caller's, or those of `optim`.
 */
import { momentsOf, type OptimizerSettings } from '../../network/optimizers.js';
import { badArgument } from '../../platform/arguments.js';
import { calling, thrownBy } from '../../platform/calling.js';
import type { LockstepError } from '../../platform/errors.js';
import type { NetworkRunSettings, ScheduledOptimizer, StepSchedule } from './types.js';

type Group = ScheduledOptimizer['groups'][number];

export class RunSchedule {
  readonly #run: string;
  readonly #schedule: StepSchedule | undefined;
  /** What the schedule writes to. */
  readonly #group: Group;
  /** The names in the group; a schedule adds none. */
  readonly #names: readonly string[];
  /** Settings that the group had, last of a decision in a pause. */
  #optimizer: OptimizerSettings;
  /** Whether the schedule has set momentum, or the first of the betas. */
  #setsMomentum = false;
  #steps = 0;

  /** @param schedule Undefined where the learning rate is constant. */
  constructor(index: number, optimizer: OptimizerSettings, schedule: NetworkRunSettings['schedule']) {
    this.#run = `trainLockstep: run ${index}`;
    this.#optimizer = optimizer;
    this.#group = { lr: optimizer.lr, ...momentumOf(optimizer) };
    this.#names = Object.keys(this.#group);
    if (!schedule) return;
    // Frozen: another group in the place of this one would have no effect.
    const scheduled = Object.freeze({ groups: Object.freeze([this.#group]) });
    this.#schedule = calling(this.#run, 'schedule', () => schedule(scheduled));
    if (typeof this.#schedule?.step !== 'function') {
      const fits = 'one with step() fits, as new optim.StepLR(optimizer, { stepSize: 30 })';
      throw badArgument(this.#run, 'what schedule() gives', this.#schedule, fits);
    }
    this.#check();
  }

  get isGiven(): boolean {
    return this.#schedule !== undefined;
  }

  get setsMomentum(): boolean {
    return this.#setsMomentum;
  }

  /** The learning rate of the next step. */
  get lr(): number {
    return this.#group.lr;
  }

  /** Momentum, or the first of the betas, of the next step; 0 where the optimizer has neither. */
  get beta1(): number {
    const { betas, momentum = 0 } = this.#group;
    return betas ? betas[0] : momentum;
  }

  /** One step is done: has the schedule set the numbers of the next. */
  step(): void {
    if (!this.#schedule) return;
    this.#steps++;
    try {
      this.#schedule.step();
    } catch (thrown) {
      throw thrownBy(this.#run, 'schedule', thrown);
    }
    this.#check();
  }

  /** Goes on with these settings of the optimizer. What a schedule sets stays. */
  change(optimizer: OptimizerSettings): void {
    this.#optimizer = optimizer;
    const beta1 = this.#setsMomentum ? this.beta1 : optimizer.beta1;
    Object.assign(this.#group, momentumOf({ ...optimizer, beta1 }));
    if (!this.#schedule) this.#group.lr = optimizer.lr;
  }

  #check(): void {
    const fault = this.#fault();
    if (fault) throw fault;
    if (this.beta1 !== this.#optimizer.beta1) this.#setsMomentum = true;
  }

  /** What is wrong with what the schedule has set. As it is asked for each step, it makes texts only where something is. */
  #fault(): LockstepError | undefined {
    const { lr, momentum, betas } = this.#group;
    for (const name in this.#group) {
      if (this.#names.includes(name)) continue;
      const sets = this.#names.join(' and ').replace('betas', 'betas[0]');
      const fits = `it would have no effect: a schedule sets ${sets} of ${this.#optimizer.type}`;
      return this.#wrong(name, this.#group[name as keyof Group], fits);
    }
    if (!isNumber(lr)) return this.#wrong('the learning rate', lr, 'a finite number fits, at least 0');
    if (this.#names.includes('betas')) return this.#faultOfBetas(betas);
    if (!this.#names.includes('momentum')) return undefined;
    if (!isNumber(momentum)) return this.#wrong('momentum', momentum, 'a finite number fits, at least 0');
    if (momentum > 0 || this.#optimizer.type !== 'sgd') return undefined;
    // PyTorch leaves the buffer as it is in such a step, and does not dampen.
    return this.#wrong('momentum', momentum, 'of an sgd that has momentum it stays above 0');
  }

  #faultOfBetas(betas: unknown): LockstepError | undefined {
    if (!Array.isArray(betas) || betas.length !== 2) return this.#wrong('betas', betas, 'two numbers fit');
    const [beta1, beta2] = betas;
    if (!isNumber(beta1) || beta1 >= 1) return this.#wrong('betas[0]', beta1, 'a number of [0, 1) fits');
    const { beta2: had } = this.#optimizer;
    if (beta2 === had) return undefined;
    return this.#wrong('betas[1]', beta2, `a schedule sets the first one only, and the second stays ${had}`);
  }

  #wrong(what: string, value: unknown, fits: string): LockstepError {
    return badArgument(`${this.#run}: schedule`, `${what} after ${this.#steps} steps`, value, fits);
  }
}

const isNumber = (value: unknown): value is number => Number.isFinite(value) && (value as number) >= 0;

/** Momentum or betas, by their names in `torch.optim`, where the optimizer has moments to which they matter. */
function momentumOf(optimizer: OptimizerSettings): { momentum?: number; betas?: readonly number[] } {
  const { beta1, beta2 } = optimizer;
  if (momentsOf(optimizer) === 2) return { betas: [beta1, beta2] };
  return momentsOf(optimizer) === 1 ? { momentum: beta1 } : {};
}
