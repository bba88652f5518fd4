/**
 * Writes the inputs of a chunk: the batches of all turns and their step sizes, the run in each position, and the bank from
 * which each position reads its data.
 */
import { POSITION, SOURCE, STEP } from '../../shaders/train/chunk.wgsl.js';
import type { Device } from '../gpu/device.js';
import type { Recorder } from '../gpu/recorder.js';
import { type Upload, Uploads } from '../gpu/uploads.js';
import type { Chunk, ChunkBuffers, DataBank } from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import type { Turn } from './turn.js';

export class ChunkInputs {
  readonly #buffers: ChunkBuffers;
  readonly #batchPitch: number;
  /** Batches, and the step sizes. */
  readonly #orders: Uploads;
  readonly #tables: Uploads;

  constructor(device: Device, buffers: ChunkBuffers, batchPitch: number) {
    this.#buffers = buffers;
    this.#batchPitch = batchPitch;
    this.#orders = new Uploads(device, buffers.order);
    this.#tables = new Uploads(device, buffers.steps);
  }

  /**
   * Writes the chunk of these turns. A turn's position is its index in the list.
   *
   * @returns The chunk, and the uploads that are to be given back once the device is done with it.
   */
  write(recorder: Recorder, turns: readonly Turn[]): { chunk: Chunk; uploads: readonly Upload[] } {
    const steps = Math.max(...turns.map((turn) => turn.steps));
    const runSteps = turns.reduce((sum, turn) => sum + turn.steps, 0);
    const uploads = this.#writeBatches(recorder, turns, steps);
    const positions = turns.map((turn) => ({
      slot: turn.slot.index,
      steps: turn.steps,
      closes: turn.window ? 1 : 0,
    }));
    recorder.upload(this.#buffers.positions, 0, POSITION.array(positions));
    const banks = writeSources(recorder, turns);
    return { chunk: { positions: turns.length, steps, runSteps, banks }, uploads };
  }

  /** Batches and step sizes; `stride`: steps from one position to the next. */
  #writeBatches(recorder: Recorder, turns: readonly Turn[], stride: number): Upload[] {
    const runWords = stride * this.#batchPitch;
    const order = this.#orders.take(recorder, turns.length * runWords);
    const table = this.#tables.take(recorder, turns.length * stride * STEP.words);
    const numbers = new Float32Array(table.words.buffer);
    span('data', 'epoch orders', () => {
      turns.forEach((turn, k) => {
        turn.send(order.words, k * runWords, numbers, k * stride * STEP.words);
      });
    });
    const uploads = [order, table];
    for (const upload of uploads) upload.close();
    return uploads;
  }

  destroy(): void {
    this.#orders.destroy();
    this.#tables.destroy();
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
