/**
 * Keeps the chunks that were sent to the device and are not known to be done. One or more are always under way, so that the
 * device has work while the host prepares the next. The trainer decides what is sent, and reads the records.
 */
import type { WindowRecord } from '../kernels/train/close-window.js';
import type { Cohort, SentChunk } from './cohort.js';
import type { Pacer } from './pacer.js';
import type { RunTurn } from './run.js';

/** What one cohort trains in a chunk. */
interface Part {
  turns: readonly RunTurn[];
  chunk: SentChunk;
}

interface Flight {
  parts: Part[];
  /** When it was sent. */
  start: number;
  runSteps: number;
}

/** A turn that was trained. */
interface Trained {
  turn: RunTurn;
  /** Means something only if the turn's window closed. */
  record: WindowRecord;
}

export class Flights {
  readonly #pacer: Pacer;
  readonly #flights: Flight[] = [];

  constructor(pacer: Pacer) {
    this.#pacer = pacer;
  }

  get size(): number {
    return this.#flights.length;
  }

  send(turns: ReadonlyMap<Cohort, readonly RunTurn[]>): void {
    const parts = [...turns].map(([cohort, these]) => ({ turns: these, chunk: cohort.train(these) }));
    const start = performance.now();
    const sent = parts.flatMap((part) => part.turns.map(({ steps }) => steps));
    const runSteps = sent.reduce((sum, steps) => sum + steps, 0);
    this.#pacer.submitted(runSteps);
    this.#flights.push({ parts, start, runSteps });
  }

  /** Waits for the oldest chunk; undefined if there is none. */
  async next(): Promise<Trained[] | undefined> {
    const flight = this.#flights.shift();
    if (!flight) return undefined;
    const { parts, start, runSteps } = flight;
    const expectedMs = this.#pacer.expected(start, runSteps, performance.now());
    const options = { expectedMs, submitted: start };
    const found = await Promise.all(parts.map(({ chunk }) => chunk.records(options)));
    this.#pacer.finished(
      start,
      runSteps,
      performance.now(),
      Math.max(...found.map(({ waitedMs }) => waitedMs)),
    );
    return parts.flatMap(({ turns }, p) =>
      turns.map((turn, position) => ({ turn, record: found[p].records[position] })),
    );
  }
}
