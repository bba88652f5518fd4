/**
 * Writes the inputs of a chunk: the batches of all turns and their step sizes, the run in each position, and the bank from
 * which each position reads its data.
 */
import { POSITION, SOURCE, STEP } from '../../shaders/train/chunk.wgsl.js';
import type { Recorder } from '../gpu/recorder.js';
import type { Chunk, ChunkBuffers, DataBank } from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import type { Turn } from './turn.js';

/** Batches are drawn and uploaded in pieces of about this many words, which stay in a core's cache. */
const PIECE_WORDS = 65536;

export class ChunkInputs {
  readonly #buffers: ChunkBuffers;
  readonly #batchPitch: number;
  /** Batches of a few runs on their way to the device. */
  #order = new Uint32Array(0);
  readonly #table: Float32Array<ArrayBuffer>;

  constructor(buffers: ChunkBuffers, batchPitch: number) {
    this.#buffers = buffers;
    this.#batchPitch = batchPitch;
    this.#table = new Float32Array(buffers.capacity * STEP.words);
  }

  /** Writes the chunk of these turns. A turn's position is its index in the list. */
  write(recorder: Recorder, turns: readonly Turn[]): Chunk {
    const steps = Math.max(...turns.map((turn) => turn.steps));
    const runSteps = turns.reduce((sum, turn) => sum + turn.steps, 0);
    this.#writeBatches(recorder, turns, steps);
    const positions = turns.map((turn) => ({
      slot: turn.slot.index,
      steps: turn.steps,
      closes: turn.window ? 1 : 0,
    }));
    recorder.upload(this.#buffers.positions, 0, POSITION.array(positions));
    return { positions: turns.length, steps, runSteps, banks: writeSources(recorder, turns) };
  }

  /** Batches and step sizes; `stride`: steps from one position to the next. */
  #writeBatches(recorder: Recorder, turns: readonly Turn[], stride: number): void {
    const { order, steps: table } = this.#buffers;
    const runWords = stride * this.#batchPitch;
    const runs = Math.max(1, Math.floor(PIECE_WORDS / runWords));
    if (this.#order.length < runs * runWords) this.#order = new Uint32Array(runs * runWords);
    for (let first = 0; first < turns.length; first += runs) {
      const some = turns.slice(first, first + runs);
      span('data', 'epoch orders', () => {
        some.forEach((turn, k) => {
          turn.send(this.#order, k * runWords, this.#table, (first + k) * stride * STEP.words);
        });
      });
      recorder.upload(order, 4 * first * runWords, this.#order.subarray(0, some.length * runWords));
    }
    recorder.upload(table, 0, this.#table.subarray(0, turns.length * stride * STEP.words));
  }
}

function writeSources(recorder: Recorder, turns: readonly Turn[]): { bank: DataBank; entries: number }[] {
  const byBank = new Map<DataBank, Parameters<typeof SOURCE.array>[0][number][]>();
  turns.forEach(({ placement, steps }, position) => {
    const { bank, rowsAt, labelsAt } = placement;
    const sources = byBank.get(bank) ?? [];
    sources.push({ position, steps, rows: rowsAt, labels: labelsAt });
    byBank.set(bank, sources);
  });
  return [...byBank].map(([bank, sources]) => {
    recorder.upload(bank.sources, 0, SOURCE.array(sources));
    return { bank, entries: sources.length };
  });
}
