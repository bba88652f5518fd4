/**
 * The schedule of one run: what it may change, and whether what it has set fits. The schedules themselves are the caller's, or those
 * of `optim`.
 */
import { momentsOf, type OptimizerSettings } from '../../network/optimizers.js';
import { badArgument, checkNumber } from '../../platform/arguments.js';
import { calling, thrownBy } from '../../platform/calling.js';
import type { NetworkRunSettings, ScheduledOptimizer, StepSchedule } from './types.js';

export class RunSchedule {
  /** Learning rate, and momentum or betas, of the next step. */
  readonly group: ScheduledOptimizer['groups'][number];
  readonly #run: string;
  readonly #schedule: StepSchedule | undefined;
  #steps = 0;

  /** @param schedule Undefined where the learning rate is constant. */
  constructor(index: number, optimizer: OptimizerSettings, schedule: NetworkRunSettings['schedule']) {
    this.#run = `trainLockstep: run ${index}`;
    this.group = { lr: optimizer.lr, ...momentumOf(optimizer) };
    if (!schedule) return;
    this.#schedule = calling(this.#run, 'schedule', () => schedule({ groups: [this.group] }));
    if (typeof this.#schedule?.step !== 'function') {
      const fits = 'one with step() fits, as new optim.StepLR(optimizer, { stepSize: 30 })';
      throw badArgument(this.#run, 'what schedule() gives', this.#schedule, fits);
    }
    this.#check();
  }

  get isGiven(): boolean {
    return this.#schedule !== undefined;
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

  /** Goes on with these settings of the optimizer. A learning rate that a schedule sets stays. */
  change(optimizer: OptimizerSettings): void {
    Object.assign(this.group, momentumOf(optimizer));
    if (!this.#schedule) this.group.lr = optimizer.lr;
  }

  /** Checks what the schedule has set. As it is called for each step, it makes texts only where something is wrong. */
  #check(): void {
    const { lr, momentum = 0, betas } = this.group;
    const beta1 = betas === undefined ? 0 : betas[0];
    if (isNumber(lr) && isNumber(momentum) && isNumber(beta1) && beta1 < 1) return;
    const where = `${this.#run}: schedule`;
    const after = `after ${this.#steps} steps`;
    checkNumber(where, `the learning rate ${after}`, lr, { min: 0 });
    checkNumber(where, `momentum ${after}`, momentum, { min: 0 });
    throw badArgument(where, `betas[0] ${after}`, beta1, 'a number of [0, 1) fits');
  }
}

const isNumber = (value: number): boolean => Number.isFinite(value) && value >= 0;

/** Momentum or betas, by their names in `torch.optim`, where the optimizer has moments to which they matter. */
function momentumOf(optimizer: OptimizerSettings): { momentum?: number; betas?: readonly number[] } {
  const { beta1, beta2 } = optimizer;
  if (momentsOf(optimizer) === 2) return { betas: [beta1, beta2] };
  return momentsOf(optimizer) === 1 ? { momentum: beta1 } : {};
}
