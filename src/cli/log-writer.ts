/**
 * Prints the scaffold's log lines (`--log`) in run order. As runs train at the same time, the lines of a run wait until all
 * runs before it have finished.
 */
import type { EvaluationEvent } from '../bench/events.js';
import * as logLines from '../bench/log-lines.js';
import type { Summary } from '../bench/summary.js';
import type { Task } from '../bench/task.js';

export class LogWriter {
  readonly #write: (line: string) => void;
  readonly #orders: number;
  readonly #datasets = new Map<number, string>();
  readonly #lines = new Map<number, string[]>();
  readonly #finished = new Set<number>();
  #next = 0;

  constructor(task: Task, write: (line: string) => void) {
    this.#write = write;
    this.#orders = task.orders;
    write(logLines.taskConfigLine(task));
  }

  add(event: EvaluationEvent): void {
    if (event.type === 'dataset') {
      this.#datasets.set(
        event.secret,
        logLines.datasetMetricsLine(event.secret, event.examples, event.positiveRate),
      );
    }
    if (event.type === 'window') {
      const { secret, order, step, loss, accuracy } = event;
      this.#add(secret, order, logLines.trainMetricsLine(secret, order, step, loss, accuracy));
    }
    if (event.type === 'run') {
      const { secretIndex, orderIndex, steps, testAccuracy } = event.result;
      this.#add(
        secretIndex,
        orderIndex,
        logLines.runMetricsLine(secretIndex, orderIndex, steps, testAccuracy),
      );
      this.#finished.add(secretIndex * this.#orders + orderIndex);
      while (this.#finished.has(this.#next)) this.#release(this.#next++);
    }
  }

  /** Prints the lines that still wait (after an interrupt), then the final lines. */
  end(summary: Summary): void {
    for (const run of [...this.#finished].sort((a, b) => a - b)) this.#release(run);
    this.#write(logLines.finalMetricsLine(summary.metrics));
    this.#write(logLines.testMetricsLine(summary.metrics));
  }

  #add(secret: number, order: number, line: string): void {
    const run = secret * this.#orders + order;
    const lines = this.#lines.get(run);
    if (lines) lines.push(line);
    else this.#lines.set(run, [line]);
  }

  #release(run: number): void {
    const secret = Math.floor(run / this.#orders);
    const dataset = this.#datasets.get(secret);
    if (dataset !== undefined) this.#write(dataset);
    this.#datasets.delete(secret);
    for (const line of this.#lines.get(run) ?? []) this.#write(line);
    this.#lines.delete(run);
  }
}
