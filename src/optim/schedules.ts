/**
 * Schedules of the learning rate, by PyTorch's closed formulas. Call a schedule's `step()` after the optimizer's.
 */
import { badArgument, checkFunction, checkList, checkNumber, checkObject } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
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
    if (!Array.isArray((optimizer as Partial<Scheduled> | null)?.groups)) {
      const { name } = this.constructor;
      throw badArgument(
        name,
        'the first argument',
        optimizer,
        `an optimizer fits, as new ${name}(optimizer, …)`,
      );
    }
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
      const rate = this.rate(this.#first[i], this.#done);
      checkNumber(this.constructor.name, `the learning rate after ${this.#done} steps`, rate, { min: 0 });
      group.lr = rate;
    });
  }

  /** Where the schedule stands, to go on later from a saved optimizer. */
  stateDict(): ScheduleState {
    return { steps: this.#done, first: this.#first };
  }

  /** Takes over what {@link stateDict} gave, and sets the learning rates. */
  loadStateDict(state: ScheduleState): void {
    const where = `${this.constructor.name}.loadStateDict`;
    checkObject(where, 'the state', state, 'what stateDict() gave fits');
    const { steps, first } = state;
    checkNumber(where, 'steps', steps, { min: 0, whole: true });
    checkList(where, 'first', first, 'the first learning rates fit, a list');
    if (first.length !== this.#first.length) {
      throw new LockstepError(
        'bad-input',
        `${where}: the state is of ${first.length} groups, not ${this.#first.length}.`,
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

/** Settings of {@link LambdaLR}. */
export interface LambdaLrSettings {
  /** The factor of the first learning rate after so many steps. */
  lrLambda: (step: number) => number;
}

/**
 * The first rate times a function of the number of steps done.
 *
 * @example
 * const schedule = new optim.LambdaLR(optimizer, { lrLambda: (step) => 0.99 ** step });
 */
export class LambdaLR extends Schedule {
  readonly #factor: (step: number) => number;

  constructor(optimizer: Scheduled, settings: LambdaLrSettings) {
    super(optimizer);
    this.#factor = settingsOf('LambdaLR', settings, ['lrLambda']).lrLambda;
    checkFunction('LambdaLR', 'lrLambda', this.#factor, '(step) => 0.99 ** step');
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    return first * this.#factor(step);
  }
}

/** Settings of {@link StepLR}. */
export interface StepLrSettings {
  /** Steps between two changes. */
  stepSize: number;
  /** Factor of each change. Default 0.1. */
  gamma?: number;
}

/** The rate times `gamma` after every `stepSize` steps. Example: `new optim.StepLR(optimizer, { stepSize: 30 })`. */
export class StepLR extends Schedule {
  readonly #stepSize: number;
  readonly #gamma: number;

  constructor(optimizer: Scheduled, settings: StepLrSettings) {
    super(optimizer);
    const { stepSize, gamma = 0.1 } = settingsOf('StepLR', settings, ['stepSize', 'gamma']);
    checkNumber('StepLR', 'stepSize', stepSize, { min: 1, whole: true });
    checkNumber('StepLR', 'gamma', gamma, { min: 0 });
    this.#stepSize = stepSize;
    this.#gamma = gamma;
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    return first * this.#gamma ** Math.floor(step / this.#stepSize);
  }
}

/** Settings of {@link LinearLR}. */
export interface LinearLrSettings {
  /** Factor of the first rate at the beginning. Default 1/3. */
  startFactor?: number;
  /** Factor from the end on. Default 1. */
  endFactor?: number;
  /** Steps from one to the other. Default 5. */
  totalIters?: number;
}

/** A line from `startFactor` to `endFactor` over `totalIters` steps: a warm-up. Example: `new optim.LinearLR(optimizer)`. */
export class LinearLR extends Schedule {
  readonly #settings: Required<LinearLrSettings>;

  constructor(optimizer: Scheduled, settings: LinearLrSettings = {}) {
    super(optimizer);
    const known = ['startFactor', 'endFactor', 'totalIters'];
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = settingsOf('LinearLR', settings, known);
    checkNumber('LinearLR', 'startFactor', startFactor, { min: 0 });
    checkNumber('LinearLR', 'endFactor', endFactor, { min: 0 });
    checkNumber('LinearLR', 'totalIters', totalIters, { min: 1, whole: true });
    this.#settings = { startFactor, endFactor, totalIters };
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    const { startFactor, endFactor, totalIters } = this.#settings;
    return first * (startFactor + ((endFactor - startFactor) * Math.min(step, totalIters)) / totalIters);
  }
}

/** Settings of {@link CosineAnnealingLR}. */
export interface CosineAnnealingLrSettings {
  /** Steps from the first rate down to `etaMin`. */
  tMax: number;
  /** The lowest rate. Default 0. */
  etaMin?: number;
}

/**
 * Half a cosine from the first rate down to `etaMin` over `tMax` steps (Loshchilov and Hutter 2017).
 *
 * @example
 * const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 100 });
 */
export class CosineAnnealingLR extends Schedule {
  readonly #tMax: number;
  readonly #etaMin: number;

  constructor(optimizer: Scheduled, settings: CosineAnnealingLrSettings) {
    super(optimizer);
    const { tMax, etaMin = 0 } = settingsOf('CosineAnnealingLR', settings, ['tMax', 'etaMin']);
    checkNumber('CosineAnnealingLR', 'tMax', tMax, { min: 1, whole: true });
    checkNumber('CosineAnnealingLR', 'etaMin', etaMin, { min: 0 });
    this.#tMax = tMax;
    this.#etaMin = etaMin;
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    return this.#etaMin + ((first - this.#etaMin) * (1 + Math.cos((Math.PI * step) / this.#tMax))) / 2;
  }
}

/** A schedule's settings, one object of known names. */
function settingsOf<T extends object>(name: string, settings: T, known: readonly string[]): T {
  checkObject(name, 'the second argument', settings, `the settings are one object with ${known.join(', ')}`);
  checkOptionNames(name, settings, known);
  return settings;
}
