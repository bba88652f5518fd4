/**
 * How well one run does: the sums of its open window, the means of windows and evaluations, the best of these, and whether its stop rule
 * holds. When windows close and evaluations are due is progress.ts's to say.
 */
import { LOSSES } from '../../network/losses.js';
import type { AcceptedNetworkRun } from './accept.js';
import { type BatchSums, sumsOf } from './evaluation.js';
import type { NetworkCheckpoint } from './types.js';

/** The means of some batches. */
export interface Means {
  loss: number;
  accuracy: number;
}

/** Where there was nothing to take them of. */
export const NO_MEANS: Means = { loss: Number.NaN, accuracy: Number.NaN };

/** The means of a group of examples. */
interface GroupMeans extends Means {
  examples: number;
}

export class RunScores {
  readonly #run: AcceptedNetworkRun;
  /** Sums over the open window: losses, hits, outputs that counted, batches. */
  #window: [number, number, number, number] = [0, 0, 0, 0];
  /** For the stop rule: how many windows or evaluations in a row count, and the least loss of an evaluation. */
  #stop: [number, number] = [0, Number.POSITIVE_INFINITY];
  #lastWindow: Means = NO_MEANS;
  #last: Means = NO_MEANS;
  #least = { step: 0, loss: Number.POSITIVE_INFINITY, accuracy: Number.NaN };

  /** Of the run's checkpoint, if it has one. */
  constructor(run: AcceptedNetworkRun) {
    this.#run = run;
    if (!run.checkpoint) return;
    const { window, stop, last, lastWindow, best } = run.checkpoint;
    this.#window = [...window];
    this.#stop = [...stop];
    this.#last = { loss: last[0], accuracy: last[1] };
    this.#lastWindow = { loss: lastWindow[0], accuracy: lastWindow[1] };
    if (best) this.#least = { step: best.step, loss: best.loss, accuracy: best.accuracy };
  }

  /** Means of the last evaluation. */
  get last(): Means {
    return this.#last;
  }

  /** Means of the last evaluation, else of the last window. */
  get latest(): Means {
    return Number.isNaN(this.#last.loss) ? this.#lastWindow : this.#last;
  }

  /** The evaluation with the least loss, and after which step it was; step 0 is none. */
  get least(): Means & { step: number } {
    return this.#least;
  }

  /** Takes the result of a step. The loss of a batch in which nothing counts is 0 / 0, and is left out. */
  add(loss: number, hits: number, counted: number): void {
    if (counted === 0) return;
    const sums = this.#window;
    sums[0] += loss;
    sums[1] += hits;
    sums[2] += counted;
    sums[3]++;
  }

  /** Closes the window, after `step` steps. Returns its means. */
  close(step: number): Means {
    const [loss, hits, counted, batches] = this.#window;
    const means = { loss: loss / batches, accuracy: this.#share(hits, counted) };
    this.#window = [0, 0, 0, 0];
    this.#lastWindow = means;
    const { stop } = this.#run;
    if (stop && !('patience' in stop) && step >= (stop.minSteps ?? 0)) {
      this.#stop[0] = means.accuracy >= stop.accuracy ? this.#stop[0] + 1 : 0;
    }
    return means;
  }

  /**
   * Takes the results of an evaluation after `step` steps, a list of batches for each section. Returns whether its loss is the least
   * so far.
   */
  evaluated(step: number, sections: readonly (readonly BatchSums[])[]): boolean {
    const { evaluation, stop } = this.#run;
    const means = this.#means(sumsOf(sections.filter((_, k) => evaluation!.sections[k].isOfSet).flat()));
    this.#last = means;
    const isBest = means.loss < this.#least.loss;
    if (isBest) this.#least = { step, ...means };
    if (stop && 'patience' in stop && step >= (stop.minSteps ?? 0)) {
      const better = means.loss < this.#stop[1];
      this.#stop = better ? [0, means.loss] : [this.#stop[0] + 1, this.#stop[1]];
    }
    return isBest;
  }

  /** The same by group; undefined where there are none. A group without examples has NaN. */
  groupsOf(sections: readonly (readonly BatchSums[])[]): GroupMeans[] | undefined {
    const { groups, sections: of } = this.#run.evaluation!;
    if (groups === 0) return undefined;
    return Array.from({ length: groups }, (_, group) => {
      const k = of.findIndex((section) => section.group === group);
      const examples = of[k]?.examples ?? 0;
      return { examples, ...this.#means(sumsOf(sections[k] ?? [])) };
    });
  }

  #means({ loss, hits, counted }: BatchSums): Means {
    return { loss: loss / counted, accuracy: this.#share(hits, counted) };
  }

  #share(hits: number, counted: number): number {
    return LOSSES[this.#run.loss.type].hasAccuracy ? hits / counted : Number.NaN;
  }

  /** Whether the stop rule holds now. */
  get stops(): boolean {
    const { stop } = this.#run;
    if (!stop) return false;
    return this.#stop[0] >= ('patience' in stop ? stop.patience : (stop.windows ?? 1));
  }

  /** What a checkpoint holds of it, beside the best evaluation. */
  get state(): Pick<NetworkCheckpoint, 'window' | 'stop' | 'last' | 'lastWindow'> {
    return {
      window: [...this.#window],
      stop: [...this.#stop],
      last: [this.#last.loss, this.#last.accuracy],
      lastWindow: [this.#lastWindow.loss, this.#lastWindow.accuracy],
    };
  }
}
