/**
 * Shows the progress of one configuration on standard error: runs finished, steps a second, the median of the runs' last
 * losses, and the time left or the step. On a terminal it redraws one block; elsewhere it prints a plain line now and then.
 */
import { createLogUpdate } from 'log-update';
import type { EvaluationEvent } from '../bench/events.js';
import type { Task } from '../bench/task.js';
import type { RecoveredEvent } from '../lockstep/recovery-types.js';
import { printable } from '../platform/printable.js';
import { quantile } from '../platform/quantile.js';
import { type Colors, colorsFor, duration, grouped } from './style.js';

/** Redraw interval on a terminal, and interval of the plain lines elsewhere, in milliseconds. */
const REDRAW_MS = 250;
const PLAIN_MS = 10_000;
/** Steps a second are measured over this time: short enough to follow changes, longer than a window. */
const RATE_WINDOW_MS = 10_000;

/** How long steps are counted before a rate is shown. At first, steps wait for shaders and for runs to arrive. */
const SETTLED_MS = 1000;
/** The share of the runs that must have finished before the time left is estimated from them. */
const TELLING_SHARE = 0.05;

interface Workload
  extends Pick<
    Task,
    'secrets' | 'orders' | 'maxSteps' | 'minStepsBeforeStop' | 'earlyStopWindows' | 'logInterval'
  > {
  /** What is being trained, e.g. `feature-isolation n32-k8`. */
  title: string;
  /** Numbers of the runs that are trained, where it is not all of the task. */
  runs?: readonly number[];
  /** The function of the strategy that is running; it may take long, or never return. */
  running?(): string | undefined;
}

export interface Progress {
  add(event: EvaluationEvent): void;
  /** Removes the display. The next output begins on a new line. */
  close(): void;
}

/** Shows nothing (`--quiet`). */
export const silent: Progress = { add() {}, close() {} };

/** What the events so far add up to. The time is passed in, so that tests need not wait. */
export class Tally {
  readonly work: Workload;
  readonly runs: number;
  finished = 0;
  /** What is going on. */
  state: 'preparing' | 'training' = 'preparing';
  readonly #losses: Float64Array;
  /** Step of each run's last window; 0 before the first, NaN once the run has finished. */
  readonly #steps: Float64Array;
  readonly #samples: { at: number; steps: number }[] = [];
  #finishedSteps = 0;
  #leastSteps = Number.POSITIVE_INFINITY;
  /** How many runs have finished at that step. */
  #atLeast = 0;
  #begin = Number.NaN;
  #lastFinish = Number.NaN;

  constructor(work: Workload) {
    this.work = work;
    const all = work.secrets * work.orders;
    this.runs = work.runs?.length ?? all;
    this.#losses = new Float64Array(all).fill(Number.NaN);
    this.#steps = new Float64Array(all);
    if (!work.runs) return;
    this.#steps.fill(Number.NaN);
    for (const run of work.runs) this.#steps[run] = 0;
  }

  add(event: EvaluationEvent, now: number): void {
    if (event.type === 'plan') {
      this.state = 'training';
      if (Number.isNaN(this.#begin)) this.#begin = now;
    }
    if (event.type === 'progress') {
      this.#samples.push({ at: now, steps: event.steps });
      while (this.#samples.length > 2 && now - this.#samples[1].at > RATE_WINDOW_MS) this.#samples.shift();
    }
    if (event.type === 'window') {
      const run = this.#run(event.secret, event.order);
      this.#losses[run] = event.loss;
      this.#steps[run] = event.step;
    }
    if (event.type === 'run') {
      const { secretIndex, orderIndex, steps } = event.result;
      this.#steps[this.#run(secretIndex, orderIndex)] = Number.NaN;
      this.finished++;
      this.#finishedSteps += steps;
      if (steps < this.#leastSteps) this.#atLeast = 0;
      this.#leastSteps = Math.min(this.#leastSteps, steps);
      if (steps === this.#leastSteps) this.#atLeast++;
      this.#lastFinish = now;
    }
  }

  #run(secret: number, order: number): number {
    return secret * this.work.orders + order;
  }

  /** Steps of all runs together, a second; 0 while unknown. */
  stepsPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    return first && last && last.at > first.at
      ? (1000 * (last.steps - first.steps)) / (last.at - first.at)
      : 0;
  }

  /** The median of the mean losses of all runs' last windows; NaN before the first window. */
  medianLoss(): number {
    return quantile(this.#losses.filter(Number.isFinite).sort(), 0.5);
  }

  /** Step of the slowest run that has closed a window and not finished; undefined where there is none. */
  get step(): number | undefined {
    const under = this.#steps.filter((step) => step > 0);
    return under.length > 0 ? under.reduce((least, step) => Math.min(least, step)) : undefined;
  }

  /**
   * Seconds left, if the other runs take as long as the finished ones. Undefined before enough runs have finished, and where the
   * others already take much longer.
   */
  secondsLeft(): number | undefined {
    const rate = this.stepsPerSecond();
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (rate === 0 || last!.at - first.at < SETTLED_MS) return undefined;
    const each = this.#stepsAfter();
    if (!each) return undefined;
    return this.#stepsNow().reduce((sum, step) => sum + each(step), 0) / rate;
  }

  /** The steps of unfinished runs: those of their last windows, plus an equal share of all steps since then. */
  #stepsNow(): Float64Array {
    const last = this.#steps.filter((step) => !Number.isNaN(step));
    const under = last.filter((step) => step > 0).length;
    const all = this.#samples.at(-1)!.steps;
    const since = all - this.#finishedSteps - last.reduce((sum, step) => sum + step, 0);
    const share = Math.min(this.work.logInterval, Math.max(0, since / under));
    return last.map((step) => (step > 0 ? step + share : 0));
  }

  /** How many steps a run at `step` probably has left; undefined where that is unknown. */
  #stepsAfter(): ((step: number) => number) | undefined {
    const { maxSteps, minStepsBeforeStop, earlyStopWindows, logInterval } = this.work;
    const toTheEnd = (step: number) => maxSteps - step;
    // No run can stop earlier.
    if (minStepsBeforeStop + (earlyStopWindows - 1) * logInterval >= maxSteps) return toTheEnd;
    if (this.finished < Math.max(1, TELLING_SHARE * this.runs)) return undefined;
    const now = this.#samples.at(-1)!.at;
    if (now - this.#lastFinish > (this.#lastFinish - this.#begin) / 2) return undefined;
    const mean = this.#finishedSteps / this.finished;
    const tail = this.#stepsBeyondLeast();
    if (tail === undefined) return undefined;
    return (step) => Math.min(toTheEnd(step), Math.max(mean - step, step < this.#leastSteps ? 0 : tail));
  }

  /**
   * How many steps a run has left that takes longer than the first finished run, if such runs keep finishing at the same rate
   * by step. 0 where there is none; undefined where too few have finished.
   */
  #stepsBeyondLeast(): number | undefined {
    const least = this.#leastSteps;
    const outlive = this.#stepsNow().filter((step) => step >= least);
    if (outlive.length === 0) return 0;
    const later = this.finished - this.#atLeast;
    if (later < Math.max(2, TELLING_SHARE * this.runs)) return undefined;
    const beyond = outlive.reduce((sum, step) => sum + step - least, 0);
    return (beyond + this.#finishedSteps - this.finished * least) / later;
  }
}

/** One line about a tally: `3/100 runs · 14,925 steps/s · median loss 0.0123 · about 1:10 left`. */
export function describeTally(tally: Tally, colors: Colors): string {
  const { finished, runs, work } = tally;
  const parts = [`${finished}/${runs} runs`];
  const rate = tally.stepsPerSecond();
  if (rate > 0) parts.push(`${grouped(rate)} steps/s`);
  const loss = tally.medianLoss();
  if (!Number.isNaN(loss)) parts.push(`median loss ${loss.toPrecision(3)}`);
  const left = tally.secondsLeft();
  const { step } = tally;
  if (left !== undefined && finished < runs) parts.push(`about ${duration(left)} left`);
  else if (step !== undefined) parts.push(`step ${grouped(step)} of at most ${grouped(work.maxSteps)}`);
  if (tally.state !== 'training') {
    const running = work.running?.();
    parts.push(running ? `${tally.state}: ${running} is running` : tally.state);
  }
  return `${colors.bold(work.title)}  ${parts.join(colors.dim(' · '))}`;
}

const goesOn = ({ runsAtOnce }: RecoveredEvent): string =>
  runsAtOnce === undefined
    ? 'another device is open; the training goes on from its last checkpoints'
    : `the training goes on with at most ${runsAtOnce} runs at once`;

/** Progress of one configuration on `stream`. */
export function showProgress(work: Workload, stream: NodeJS.WriteStream): Progress {
  const tally = new Tally(work);
  const colors = colorsFor(stream);
  const line = () => describeTally(tally, colors);
  const live = stream.isTTY ? createLogUpdate(stream) : undefined;
  const draw = live ? () => live(line()) : () => stream.write(`${line()}\n`);
  const tell = (what: string) => {
    live?.clear();
    stream.write(`${work.title}  ${what}\n`);
  };
  const named = new Set<string>();
  const timer = setInterval(draw, live ? REDRAW_MS : PLAIN_MS);
  timer.unref();
  draw();
  return {
    add(event) {
      tally.add(event, performance.now());
      if (event.type === 'lost') tell(printable(event.message, 500));
      if (event.type === 'recovered') tell(goesOn(event));
      if (event.type !== 'plan') return;
      // On a terminal a kernel is named once, though it is compiled again for a dataset with other live columns.
      if (live && !event.note && named.has(event.kernel)) return;
      named.add(event.kernel);
      const note = event.note ? `; ${event.note}` : '';
      tell(`training ${event.runsAtOnce} runs at once, kernel ${event.kernel}${note}`);
    },
    close() {
      clearInterval(timer);
      draw();
      live?.done();
    },
  };
}
