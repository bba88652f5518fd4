/** A learning rate that falls when a figure no longer gets better; of stacked models, each by its own. */
import { badArgument, checkNumber, checkObject, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import type { Scheduled } from './schedules.js';
import { checkSetting, type Setting } from './settings.js';

/** Settings of {@link ReduceLROnPlateau}, with PyTorch's defaults. */
export interface ReduceLrOnPlateauSettings {
  /** Whether smaller figures are better, or larger ones. Default `min`. */
  mode?: 'min' | 'max';
  /** Factor of each change. Default 0.1. */
  factor?: number;
  /** Steps without a better figure that are borne. Default 10. */
  patience?: number;
  /** How much better a figure has to be. Default 1e-4. */
  threshold?: number;
  /** Whether that is a share of the best figure, or a difference. Default `rel`. */
  thresholdMode?: 'rel' | 'abs';
  /** Steps after a change in which none counts as bad. Default 0. */
  cooldown?: number;
  /** The lowest rate. Default 0. */
  minLr?: number;
  /** Changes by no more than this are left out. Default 1e-8. */
  eps?: number;
}

/** What {@link ReduceLROnPlateau.stateDict} gives: plain numbers, lists with one for each stacked model. */
export interface PlateauState {
  /** The best figures so far. */
  best: readonly number[];
  /** Steps since without a better one. */
  bad: readonly number[];
  /** Steps of the cooldown that are left. */
  cooling: readonly number[];
}

const DEFAULTS: Required<ReduceLrOnPlateauSettings> = {
  mode: 'min',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  thresholdMode: 'rel',
  cooldown: 0,
  minLr: 0,
  eps: 1e-8,
};

/**
 * Multiplies the rates by `factor` once a figure, such as the loss on held-out examples, has not become better for more than
 * `patience` steps, as `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 *
 * @example
 * const schedule = new optim.ReduceLROnPlateau(optimizer, { patience: 5 });
 * schedule.step(await loss.item());              // one model
 * schedule.step([...(await losses.data())]);     // stacked models, whose rates are a list
 */
export class ReduceLROnPlateau {
  readonly #groups: Scheduled['groups'];
  readonly #settings: Required<ReduceLrOnPlateauSettings>;
  #best: number[] = [];
  #bad: number[] = [];
  #cooling: number[] = [];

  constructor(optimizer: Scheduled, settings: ReduceLrOnPlateauSettings = {}) {
    if (!Array.isArray((optimizer as Partial<Scheduled> | null)?.groups)) {
      const fits = 'an optimizer fits, as new ReduceLROnPlateau(optimizer)';
      throw badArgument('ReduceLROnPlateau', 'the first argument', optimizer, fits);
    }
    checkOptionNames('ReduceLROnPlateau', settings, Object.keys(DEFAULTS));
    const given = Object.entries(settings).filter(([, value]) => value !== undefined);
    this.#settings = { ...DEFAULTS, ...Object.fromEntries(given) };
    const { mode, thresholdMode, factor, patience, cooldown, threshold, minLr, eps } = this.#settings;
    checkText('ReduceLROnPlateau', 'mode', mode, ['min', 'max']);
    checkText('ReduceLROnPlateau', 'thresholdMode', thresholdMode, ['rel', 'abs']);
    checkNumber('ReduceLROnPlateau', 'factor', factor, { min: 0, below: 1 });
    checkNumber('ReduceLROnPlateau', 'patience', patience, { min: 0, whole: true });
    checkNumber('ReduceLROnPlateau', 'cooldown', cooldown, { min: 0, whole: true });
    for (const [name, value] of Object.entries({ threshold, minLr, eps })) {
      checkNumber('ReduceLROnPlateau', name, value, { min: 0 });
    }
    this.#groups = optimizer.groups;
  }

  #isBetter(figure: number, best: number): boolean {
    const { mode, threshold, thresholdMode } = this.#settings;
    const sign = mode === 'min' ? -1 : 1;
    const bound = thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? figure < bound : figure > bound;
  }

  /**
   * One step is done.
   *
   * @param figure A number; or a list with one for each stacked model, where the rates are lists.
   */
  step(figure: Setting): void {
    const figures = typeof figure === 'number' ? [figure] : figure;
    if (!Array.isArray(figures) || figures.some((each) => typeof each !== 'number')) {
      throw badArgument(
        'ReduceLROnPlateau.step',
        'the figure',
        figure,
        'a number fits, or one for each stacked model',
      );
    }
    this.#check(figures.length);
    const worst = this.#settings.mode === 'min' ? Infinity : -Infinity;
    figures.forEach((each, k) => {
      this.#best[k] ??= worst;
      this.#bad[k] ??= 0;
      this.#cooling[k] ??= 0;
      if (this.#isBetter(each, this.#best[k])) {
        this.#best[k] = each;
        this.#bad[k] = 0;
      } else {
        this.#bad[k]++;
      }
      if (this.#cooling[k] > 0) {
        this.#cooling[k]--;
        this.#bad[k] = 0;
      }
      if (this.#bad[k] <= this.#settings.patience) return;
      this.#reduce(figures.length === 1 ? undefined : k);
      this.#cooling[k] = this.#settings.cooldown;
      this.#bad[k] = 0;
    });
  }

  /** Throws where figures do not fit the rates, or those of the steps before. */
  #check(count: number): void {
    const before = this.#best.length || count;
    const fits = this.#groups.every(
      ({ lr }) => count === 1 || (typeof lr !== 'number' && lr.length === count),
    );
    if (fits && count === before) return;
    const what = `a list of ${count}`;
    throw badArgument(
      'ReduceLROnPlateau.step',
      'the figure',
      what,
      `one number fits, or a list as long as those of the rates and of the steps before (${before})`,
    );
  }

  /** The rate of model k, or of all. */
  #reduce(k: number | undefined): void {
    const { factor, minLr, eps } = this.#settings;
    const reduced = (rate: number) => {
      const next = Math.max(rate * factor, minLr);
      return rate - next > eps ? next : rate;
    };
    for (const group of this.#groups) {
      const { lr } = group;
      if (typeof lr === 'number') group.lr = reduced(lr);
      else group.lr = lr.map((rate, i) => (k === undefined || i === k ? reduced(rate) : rate));
    }
  }

  /** Where it stands, to go on later from a saved optimizer. */
  stateDict(): PlateauState {
    return { best: [...this.#best], bad: [...this.#bad], cooling: [...this.#cooling] };
  }

  /** Takes over what {@link stateDict} gave. The rates are the optimizer's to load. */
  loadStateDict(state: PlateauState): void {
    const where = 'ReduceLROnPlateau.loadStateDict';
    checkObject(where, 'the state', state, 'what stateDict() gave fits');
    const { best, bad, cooling } = state;
    if (Array.isArray(best)) {
      best.forEach((each: unknown, k) => {
        if (typeof each === 'number' && !Number.isNaN(each)) return;
        throw badArgument(where, `best[${k}]`, each, 'a figure fits, or an infinite one (JSON has none)');
      });
    }
    for (const [name, list] of Object.entries({ bad, cooling })) {
      if (Array.isArray(list) && list.length > 0) checkSetting(where, name, list, { min: 0, whole: true });
    }
    const lists: unknown[] = [best, bad, cooling];
    if (!lists.every((list) => Array.isArray(list) && list.length === best.length)) {
      throw badArgument(where, 'the state', state, 'best, bad and cooling are lists of one length');
    }
    this.#best = [...best];
    this.#bad = [...bad];
    this.#cooling = [...cooling];
  }
}
