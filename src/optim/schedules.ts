/**
 * Schedules of the learning rate, by PyTorch's closed formulas. Call a schedule's `step()` after the optimizer's.
 */
import { badArgument, checkFunction, checkList, checkNumber, checkObject } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { checkSetting, mapSetting, type Setting } from './settings.js';

/** The part of an optimizer that schedules need. A run that is trained in lockstep has one, too. */
export interface Scheduled {
  readonly groups: readonly { lr: Setting }[];
}

/** What {@link Schedule.stateDict} gives: plain numbers. */
export interface ScheduleState {
  /** Steps done. */
  steps: number;
  /** Each group's first learning rate, a list where each model has its own. */
  first: readonly Setting[];
}

/**
 * A learning rate as a function of the first one and the number of steps done. Where the first one is a list, each model's
 * rate follows from its own.
 */
export abstract class Schedule {
  readonly #optimizer: Scheduled;
  #first: readonly Setting[];
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
      const rate = mapSetting([this.#first[i]], (first) => this.rate(first, this.#done));
      checkSetting(this.constructor.name, `the learning rate after ${this.#done} steps`, rate, { min: 0 });
      group.lr = rate;
    });
  }

  /** The schedule's state, to be saved with that of the optimizer. */
  stateDict(): ScheduleState {
    return { steps: this.#done, first: this.#first };
  }

  /** Goes on from a state of {@link stateDict}: sets the learning rates that belong to it. */
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
    first.forEach((rate, i) => {
      checkSetting(where, `first[${i}]`, rate, { min: 0 });
    });
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
  /** Factor of the first learning rate after `step` steps. */
  lrLambda: (step: number) => number;
}

/**
 * The first rate times a factor, which is a function of the number of steps done.
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
  /** Steps from the one factor to the other. Default 5. */
  totalIters?: number;
}

/**
 * The rate times a factor that goes from `startFactor` to `endFactor` in a straight line over `totalIters` steps, as a warm-up.
 * Example: `new optim.LinearLR(optimizer)`.
 */
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

/** Settings of {@link MultiStepLR}. */
export interface MultiStepLrSettings {
  /** The numbers of steps after which the rate changes, in any order. One that is named twice changes it twice. */
  milestones: readonly number[];
  /** Factor of each change. Default 0.1. */
  gamma?: number;
}

/** The rate times `gamma` after each milestone. Example: `new optim.MultiStepLR(optimizer, { milestones: [30, 80] })`. */
export class MultiStepLR extends Schedule {
  readonly #milestones: readonly number[];
  readonly #gamma: number;

  constructor(optimizer: Scheduled, settings: MultiStepLrSettings) {
    super(optimizer);
    const { milestones, gamma = 0.1 } = settingsOf('MultiStepLR', settings, ['milestones', 'gamma']);
    checkList('MultiStepLR', 'milestones', milestones, 'a list of whole numbers fits, as [30, 80]');
    milestones.forEach((each, i) => {
      checkNumber('MultiStepLR', `milestones[${i}]`, each, { min: 0, whole: true });
    });
    checkNumber('MultiStepLR', 'gamma', gamma, { min: 0 });
    this.#milestones = [...milestones];
    this.#gamma = gamma;
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    return first * this.#gamma ** this.#milestones.filter((milestone) => milestone <= step).length;
  }
}

/** Settings of {@link ExponentialLR}. */
export interface ExponentialLrSettings {
  /** Factor of each step. */
  gamma: number;
}

/** The rate times `gamma` after every step. Example: `new optim.ExponentialLR(optimizer, { gamma: 0.99 })`. */
export class ExponentialLR extends Schedule {
  readonly #gamma: number;

  constructor(optimizer: Scheduled, settings: ExponentialLrSettings) {
    super(optimizer);
    this.#gamma = settingsOf('ExponentialLR', settings, ['gamma']).gamma;
    checkNumber('ExponentialLR', 'gamma', this.#gamma, { min: 0 });
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    return first * this.#gamma ** step;
  }
}

/** Settings of {@link ConstantLR}. */
export interface ConstantLrSettings {
  /** Factor of the rate for the first `totalIters` steps. Default 1/3. */
  factor?: number;
  /** How many steps have that factor. Default 5. */
  totalIters?: number;
}

/** `factor` times the rate for `totalIters` steps, then the rate itself. Example: `new optim.ConstantLR(optimizer)`. */
export class ConstantLR extends Schedule {
  readonly #settings: Required<ConstantLrSettings>;

  constructor(optimizer: Scheduled, settings: ConstantLrSettings = {}) {
    super(optimizer);
    const { factor = 1 / 3, totalIters = 5 } = settingsOf('ConstantLR', settings, ['factor', 'totalIters']);
    checkNumber('ConstantLR', 'factor', factor, { min: 0 });
    checkNumber('ConstantLR', 'totalIters', totalIters, { min: 0, whole: true });
    this.#settings = { factor, totalIters };
    this.apply();
  }

  protected override rate(first: number, step: number): number {
    const { factor, totalIters } = this.#settings;
    return step < totalIters ? first * factor : first;
  }
}

/** Returns a schedule's settings. Throws unless they are one object with known names. @internal */
export function settingsOf<T extends object>(name: string, settings: T, known: readonly string[]): T {
  checkObject(name, 'the second argument', settings, `the settings are one object with ${known.join(', ')}`);
  checkOptionNames(name, settings, known);
  return settings;
}
