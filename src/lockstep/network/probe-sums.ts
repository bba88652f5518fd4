/**
 * Takes the sums that probes need, of many runs at once: which matrices, in which buffers, and what comes back. What the sums
 * mean is probes.ts's.
 */
import { NONE } from '../../../shaders/network/chunk.wgsl.js';
import { COLUMN_SUMS, STRIP } from '../../../shaders/network/probes.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { ColumnSums, type Matrix, type Strip, stripsOf } from '../../kernels/network/probes.js';
import { pitchOf } from '../../network/weights.js';
import { type NetworkProbed, probedWeights } from './probes.js';
import type { NetworkProgress } from './progress.js';

/** Matrices of a run, in the buffer of its memory. */
interface Asked {
  memory: GPUBuffer;
  matrices: readonly Matrix[];
}

type Sums = Record<keyof typeof COLUMN_SUMS.at, number>;
type WaitOptions = { expectedMs: number; submitted: number };

export class ProbeSums {
  readonly #device: Device;
  #kernel: ColumnSums | undefined;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Compiles the kernel, unless it is there. */
  async make(): Promise<void> {
    this.#kernel ??= await ColumnSums.create(this.#device);
  }

  /**
   * Records the sums of the weights of runs, as they are after all that was recorded before.
   *
   * @returns Reads what the probes of each found.
   */
  weights(runs: readonly NetworkProgress[]): (options: WaitOptions) => Promise<NetworkProbed[]> {
    const read = this.#record(
      runs.map((run) => ({ memory: run.memory.buffer, matrices: parametersOf(run) })),
    );
    return async (options) => {
      const sums = await read(options);
      return runs.map(({ run }, k) => probedWeights(run.network, run.probes, sums[k]));
    };
  }

  /** By run the sums of all columns of its matrices. */
  #record(asked: readonly Asked[]): (options: WaitOptions) => Promise<Sums[][]> {
    if (asked.length === 0) return async () => [];
    const { commands, pool } = this.#device;
    const counts = asked.map(({ matrices }) => matrices.reduce((sum, { columns }) => sum + columns, 0));
    const [strips, ranges] = laidOut(asked);
    const words = STRIP.array(strips);
    const table = pool.take(words.byteLength);
    commands.write(table, 0, words);
    const bytes = 4 * COLUMN_SUMS.words * counts.reduce((a, b) => a + b, 0);
    const sums = pool.take(bytes);
    for (const [memory, range] of ranges) this.#kernel!.add({ strips: table, memory, sums }, strips, range);
    pool.give(table);
    return async (options) => {
      const all = COLUMN_SUMS.values(await this.#device.read(sums, 0, bytes, options));
      pool.give(sums);
      let at = 0;
      return counts.map((count) => {
        at += count;
        return all.slice(at - count, at);
      });
    };
  }
}

/** The strips, those of a buffer side by side, and which they are. Their sums lie in the order in which they were asked for. */
function laidOut(asked: readonly Asked[]): [Strip[], Map<GPUBuffer, [number, number]>] {
  const byMemory = new Map<GPUBuffer, Strip[]>();
  let to = 0;
  for (const { memory, matrices } of asked) {
    const strips = byMemory.get(memory) ?? [];
    byMemory.set(memory, strips);
    for (const matrix of matrices) {
      strips.push(...stripsOf(matrix, to));
      to += matrix.columns;
    }
  }
  let first = 0;
  const ranges = new Map<GPUBuffer, [number, number]>();
  for (const [memory, { length }] of byMemory) {
    ranges.set(memory, [first, first + length]);
    first += length;
  }
  return [[...byMemory.values()].flat(), ranges];
}

/** Weights and biases as the device keeps them (src/network/weights.ts), and where they were at the beginning. */
function parametersOf({ run, memory, initial }: NetworkProgress): Matrix[] {
  let at = 0;
  const next = (rows: number, columns: number): Matrix => {
    const origin = initial === undefined ? NONE : initial + at;
    const matrix = { at: memory.at + at, origin, rows, columns };
    at += rows * pitchOf(columns);
    return matrix;
  };
  return run.network.layers.flatMap(({ inputs, units, bias }) => [
    next(inputs, units),
    ...(bias ? [next(1, units)] : []),
  ]);
}
