/**
 * Learning rates that change over the steps, by PyTorch's closed formulas. Call `step()` after the optimizer's.
 */
import { LockstepError } from '../platform/errors.js';
import type { CommonSettings, Optimizer } from './optimizer.js';

/** What schedules need of an optimizer. */
export type Scheduled = Pick<Optimizer<CommonSettings>, 'groups'>;

/** What {@link Schedule.stateDict} gives: plain numbers. */
export interface ScheduleState {
  /** Steps done. */
  steps: number;
  /** The groups' first learning rates. */
  first: readonly number[];
}

/** A learning rate as a function of the first one and the number of steps done. */
export abstract class Schedule {
  readonly #optimizer: Scheduled;
  #first: readonly number[];
  #done = 0;

  constructor(optimizer: Scheduled) {
    this.#optimizer = optimizer;
    this.#first = optimizer.groups.map(({ lr }) => lr);
  }

  protected abstract rate(first: number, step: number): number;

  /** Steps done. */
  get steps(): number {
    return this.#done;
  }

  /** Sets the groups' learning rates for the first step; subclasses call it when they are ready. */
  protected apply(): void {
    this.#optimizer.groups.forEach((group, i) => {
      group.lr = this.rate(this.#first[i], this.#done);
    });
  }

  /** Where the schedule stands, to go on later from a saved optimizer. */
  stateDict(): ScheduleState {
    return { steps: this.#done, first: this.#first };
  }

  /** Takes over what {@link stateDict} gave, and sets the learning rates. */
  loadStateDict({ steps, first }: ScheduleState): void {
    if (first.length !== this.#first.length) {
      throw new LockstepError(
        'bad-input',
        `${this.constructor.name}.loadStateDict: the state is of ${first.length} groups, not ${this.#first.length}.`,
      );
    }
    this.#done = steps;
    this.#first = first;
    this.apply();
  }

  /** One step is done: sets the learning rates of the next. */
  step(): void {
    this.#done++;
    this.apply();
  }
}

function checkSteps(name: string, steps: number): number {
  if (Number.isInteger(steps) && steps > 0) return steps;
  throw new LockstepError('bad-input', `${name}: ${steps} is no number of steps.`);
}

/** The rate times a function of the number of steps done. Example: `new LambdaLR(optimizer, (t) => 0.99 ** t)`. */
export class LambdaLR extends Schedule {
  readonly #factor: (step: number) => number;

  constructor(optimizer: Scheduled, factor: (step: number) => number) {
    super(optimizer);
    this.#factor = factor;
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    return first * this.#factor(step);
  }
}

/** The rate times `gamma` after every `stepSize` steps. Default gamma 0.1. */
export class StepLR extends LambdaLR {
  constructor(optimizer: Scheduled, stepSize: number, gamma = 0.1) {
    checkSteps('StepLR', stepSize);
    super(optimizer, (step) => gamma ** Math.floor(step / stepSize));
  }
}

/** A line from `startFactor` (default 1/3) to `endFactor` (default 1) over `totalSteps` (default 5): a warm-up. */
export class LinearLR extends LambdaLR {
  constructor(optimizer: Scheduled, { startFactor = 1 / 3, endFactor = 1, totalSteps = 5 } = {}) {
    checkSteps('LinearLR', totalSteps);
    super(
      optimizer,
      (step) => startFactor + ((endFactor - startFactor) * Math.min(step, totalSteps)) / totalSteps,
    );
  }
}

/** Half a cosine from the first rate down to `min` (default 0) over `steps` (Loshchilov and Hutter 2017). */
export class CosineAnnealingLR extends Schedule {
  readonly #steps: number;
  readonly #min: number;

  constructor(optimizer: Scheduled, steps: number, min = 0) {
    super(optimizer);
    this.#steps = checkSteps('CosineAnnealingLR', steps);
    this.#min = min;
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    return this.#min + ((first - this.#min) * (1 + Math.cos((Math.PI * step) / this.#steps))) / 2;
  }
}
