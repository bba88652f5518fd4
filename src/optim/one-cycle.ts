/** The one-cycle policy: up to a largest learning rate and down to nearly nothing, momentum the other way round. */
import { badArgument, checkBoolean, checkNumber, checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { Schedule, type Scheduled, settingsOf } from './schedules.js';

/** Settings of {@link OneCycleLR}. */
export interface OneCycleLrSettings {
  /** The largest rate. */
  maxLr: number;
  /** Steps of the whole cycle. */
  totalSteps: number;
  /** The share of them on the way up. Default 0.3. */
  pctStart?: number;
  /** Half a cosine, or a line. Default `cos`. */
  annealStrategy?: 'cos' | 'linear';
  /** Whether momentum (or Adam's first beta) goes from `maxMomentum` to `baseMomentum` and back. Default true. */
  cycleMomentum?: boolean;
  /** Default 0.85. */
  baseMomentum?: number;
  /** Default 0.95. */
  maxMomentum?: number;
  /** The first rate is `maxLr / divFactor`. Default 25. */
  divFactor?: number;
  /** The last rate is the first one over this. Default 1e4. */
  finalDivFactor?: number;
  /** Down to the first rate as long as up, then to the last one. Default false: down in one go. */
  threePhase?: boolean;
}

const DEFAULTS: Omit<Required<OneCycleLrSettings>, 'maxLr' | 'totalSteps'> = {
  pctStart: 0.3,
  annealStrategy: 'cos',
  cycleMomentum: true,
  baseMomentum: 0.85,
  maxMomentum: 0.95,
  divFactor: 25,
  finalDivFactor: 1e4,
  threePhase: false,
};

/** A part of the cycle: up to the step `end`, rate and momentum go from one number to another. */
interface Phase {
  end: number;
  rate: readonly [from: number, to: number];
  momentum: readonly [from: number, to: number];
}

/**
 * The one-cycle policy (Smith and Topin 2019), as `torch.optim.lr_scheduler.OneCycleLR`; a step an optimizer's step.
 *
 * @throws LockstepError `bad-input` for more than `totalSteps` steps, and for an optimizer without momentum or betas where
 * momentum is to be cycled.
 * @example
 * const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 1000 });
 */
export class OneCycleLR extends Schedule {
  readonly #settings: Required<OneCycleLrSettings>;
  readonly #groups: Scheduled['groups'];

  constructor(optimizer: Scheduled, settings: OneCycleLrSettings) {
    super(optimizer);
    const known = ['maxLr', 'totalSteps', ...Object.keys(DEFAULTS)];
    const given = Object.entries(settingsOf('OneCycleLR', settings, known)).filter(
      ([, value]) => value !== undefined,
    );
    const all = { ...DEFAULTS, ...Object.fromEntries(given) } as Required<OneCycleLrSettings>;
    checkSettings(all);
    this.#settings = all;
    this.#groups = optimizer.groups;
    if (all.cycleMomentum && this.#groups.some((group) => !('momentum' in group || 'betas' in group))) {
      throw badArgument(
        'OneCycleLR',
        'cycleMomentum',
        true,
        'the optimizer has neither momentum nor betas: false fits',
      );
    }
    this.apply();
  }

  #phases(): Phase[] {
    const { maxLr, totalSteps, pctStart, baseMomentum, maxMomentum, divFactor, finalDivFactor, threePhase } =
      this.#settings;
    const first = maxLr / divFactor;
    const last = first / finalDivFactor;
    const top = pctStart * totalSteps - 1;
    const up: Phase = { end: top, rate: [first, maxLr], momentum: [maxMomentum, baseMomentum] };
    const end = totalSteps - 1;
    if (!threePhase) return [up, { end, rate: [maxLr, last], momentum: [baseMomentum, maxMomentum] }];
    return [
      up,
      { end: 2 * pctStart * totalSteps - 2, rate: [maxLr, first], momentum: [baseMomentum, maxMomentum] },
      { end, rate: [first, last], momentum: [maxMomentum, maxMomentum] },
    ];
  }

  /** Between the ends of the phase that a step is in. */
  #at(step: number, ends: (phase: Phase) => readonly [from: number, to: number]): number {
    const phases = this.#phases();
    const found = phases.findIndex(({ end }) => step <= end);
    const k = found < 0 ? phases.length - 1 : found;
    const start = k === 0 ? 0 : phases[k - 1].end;
    const share = Math.min(1, (step - start) / (phases[k].end - start));
    const [from, to] = ends(phases[k]);
    if (this.#settings.annealStrategy === 'linear') return (to - from) * share + from;
    return to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1);
  }

  protected override rate(_first: number, step: number): number {
    const { totalSteps } = this.#settings;
    if (step > totalSteps) {
      throw new LockstepError(
        'bad-input',
        `OneCycleLR: step() was called ${step} times; the cycle has ${totalSteps} steps.`,
      );
    }
    return this.#at(step, ({ rate }) => rate);
  }

  protected override apply(): void {
    super.apply();
    if (!this.#settings.cycleMomentum) return;
    const momentum = this.#at(this.steps, (phase) => phase.momentum);
    for (const group of this.#groups as readonly { betas?: readonly number[]; momentum?: number }[]) {
      if (group.betas) group.betas = [momentum, group.betas[1]];
      else group.momentum = momentum;
    }
  }
}

function checkSettings(settings: Required<OneCycleLrSettings>): void {
  const { maxLr, totalSteps, pctStart, annealStrategy, cycleMomentum, threePhase, ...others } = settings;
  checkNumber('OneCycleLR', 'maxLr', maxLr, { min: 0 });
  checkNumber('OneCycleLR', 'totalSteps', totalSteps, { min: 1, whole: true });
  checkNumber('OneCycleLR', 'pctStart', pctStart, { min: 0, max: 1 });
  checkText('OneCycleLR', 'annealStrategy', annealStrategy, ['cos', 'linear']);
  checkBoolean('OneCycleLR', 'cycleMomentum', cycleMomentum);
  checkBoolean('OneCycleLR', 'threePhase', threePhase);
  for (const [name, value] of Object.entries(others)) {
    checkNumber('OneCycleLR', name, value, { min: name.endsWith('Momentum') ? 0 : Number.MIN_VALUE });
  }
}
