/**
 * Live progress of one configuration on standard error: runs finished, steps a second, the median of the runs' last
 * losses, time left. On a terminal one block that is redrawn; elsewhere a plain line now and then. It reads events
 * and draws; it decides nothing.
 */
import { createLogUpdate } from 'log-update';
import type { EvaluationEvent } from '../bench/events.js';
import { type Colors, colorsFor, duration, grouped } from './style.js';

/** Redraw interval on a terminal, and interval of the plain lines elsewhere, in milliseconds. */
const REDRAW_MS = 250;
const PLAIN_MS = 10_000;
/** Steps a second are measured over this many milliseconds: short enough to follow, longer than a window. */
const RATE_WINDOW_MS = 10_000;

export interface Workload {
  /** What is being trained, e.g. `feature-isolation n32-k8`. */
  title: string;
  secrets: number;
  orders: number;
  maxSteps: number;
}

export interface Progress {
  note(event: EvaluationEvent): void;
  /** Takes the display away; what is printed next stands on a line of its own. */
  close(): void;
}

/** Progress that says nothing (`--quiet`). */
export const silent: Progress = { note() {}, close() {} };

/** What the events so far add up to. Time comes in from outside, so that it can be tested without waiting. */
export class Tally {
  readonly work: Workload;
  readonly runs: number;
  finished = 0;
  /** What is going on. */
  state: 'preparing' | 'training' = 'preparing';
  readonly #losses: Float64Array;
  readonly #samples: { at: number; steps: number }[] = [];
  #finishedSteps = 0;

  constructor(work: Workload) {
    this.work = work;
    this.runs = work.secrets * work.orders;
    this.#losses = new Float64Array(this.runs).fill(Number.NaN);
  }

  add(event: EvaluationEvent, now: number): void {
    if (event.type === 'plan') {
      this.state = 'training';
      if (this.#samples.length === 0) this.#samples.push({ at: now, steps: 0 });
    }
    if (event.type === 'progress') {
      this.#samples.push({ at: now, steps: event.steps });
      while (this.#samples.length > 2 && now - this.#samples[1].at > RATE_WINDOW_MS) this.#samples.shift();
    }
    if (event.type === 'window') this.#losses[event.secret * this.work.orders + event.order] = event.loss;
    if (event.type === 'run') {
      this.finished++;
      this.#finishedSteps += event.result.steps;
    }
  }

  /** Steps of all runs together, a second; 0 while unknown. */
  stepsPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    return first && last && last.at > first.at
      ? (1000 * (last.steps - first.steps)) / (last.at - first.at)
      : 0;
  }

  /** Median over the runs under way or done of the mean loss of their last window; NaN before the first. */
  medianLoss(): number {
    const known = this.#losses.filter(Number.isFinite).sort();
    const half = known.length >> 1;
    return known.length % 2 === 1 ? known[half] : (known[half - 1] + known[half]) / 2;
  }

  /** Seconds left if the other runs take as long as the finished ones; `bound` is true while none has finished. */
  timeLeft(): { seconds: number; bound: boolean } | undefined {
    const rate = this.stepsPerSecond();
    if (rate === 0) return undefined;
    const bound = this.finished === 0;
    const each = bound ? this.work.maxSteps : this.#finishedSteps / this.finished;
    return { seconds: Math.max(0, each * this.runs - this.#samples.at(-1)!.steps) / rate, bound };
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
  const left = tally.timeLeft();
  if (left && finished < runs)
    parts.push(`${left.bound ? 'at most' : 'about'} ${duration(left.seconds)} left`);
  if (tally.state !== 'training') parts.push(tally.state);
  return `${colors.bold(work.title)}  ${parts.join(colors.dim(' · '))}`;
}

/** Progress of one configuration on `stream`. */
export function showProgress(work: Workload, stream: NodeJS.WriteStream): Progress {
  const tally = new Tally(work);
  const colors = colorsFor(stream);
  const line = () => describeTally(tally, colors);
  const live = stream.isTTY ? createLogUpdate(stream) : undefined;
  const draw = live ? () => live(line()) : () => stream.write(`${line()}\n`);
  const named = new Set<string>();
  const timer = setInterval(draw, live ? REDRAW_MS : PLAIN_MS);
  timer.unref();
  draw();
  return {
    note(event) {
      tally.add(event, performance.now());
      if (event.type !== 'plan') return;
      // On a terminal a kernel is named once: a dataset with other live columns has it compiled anew.
      if (live && !event.note && named.has(event.kernel)) return;
      named.add(event.kernel);
      live?.clear();
      const note = event.note ? `; ${event.note}` : '';
      stream.write(
        `${work.title}  training ${event.runsAtOnce} runs at once, kernel ${event.kernel}${note}\n`,
      );
    },
    close() {
      clearInterval(timer);
      draw();
      live?.done();
    },
  };
}
