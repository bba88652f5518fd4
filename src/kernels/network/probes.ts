/**
 * Launches the kernel that adds up columns of networks' matrices (shaders/network/probes.wgsl.ts). Which matrices, and what
 * their sums say, is the trainer's.
 */
import { COLUMN_SUMS, COLUMNS, columnSums, type STRIP } from '../../../shaders/network/probes.wgsl.js';
import type { Device } from '../../gpu/device.js';

/** One strip; {@link STRIP} says what the fields are. */
export type Strip = Record<keyof typeof STRIP.at, number>;

/** A matrix in the memory of a run. */
export interface Matrix {
  /** Its first word, and that of the matrix that its distance is taken from, or NONE. */
  at: number;
  origin: number;
  rows: number;
  columns: number;
}

/** Strips that together are a matrix, whose sums go to `to` and on. */
export const stripsOf = (matrix: Matrix, to: number): Strip[] =>
  Array.from({ length: Math.ceil(matrix.columns / COLUMNS) }, (_, k) => ({
    ...matrix,
    first: k * COLUMNS,
    to: to + k * COLUMNS,
  }));

export class ColumnSums {
  readonly #device: Device;
  readonly #pipeline: GPUComputePipeline;

  static async create(device: Device): Promise<ColumnSums> {
    const pipeline = await device.pipeline({ label: 'network-column-sums', code: columnSums() });
    return new ColumnSums(device, pipeline);
  }

  private constructor(device: Device, pipeline: GPUComputePipeline) {
    this.#device = device;
    this.#pipeline = pipeline;
  }

  /** Records the sums of the strips from `first` to `end`, which all lie in `memory`. */
  add(
    { strips, memory, sums }: Record<'strips' | 'memory' | 'sums', GPUBuffer>,
    all: readonly Strip[],
    [first, end]: readonly [number, number],
  ): void {
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    for (let from = first; from < end; from += most) {
      const some = all.slice(from, Math.min(end, from + most));
      this.#device.commands.dispatch({
        pipeline: this.#pipeline,
        params: Uint32Array.of(from, 0, 0, 0),
        bindings: [{ buffer: strips }, { buffer: memory }, { buffer: sums }],
        grid: [some.length],
        note: () => ({ ...costOf(some), shapes: `${some.length} strips of columns` }),
      });
    }
  }
}

/** Every number is read once, and that at the origin too; six operations a number. */
function costOf(strips: readonly Strip[]) {
  const numbers = strips.reduce((sum, { rows, columns, first }) => {
    return sum + rows * Math.min(COLUMNS, columns - first);
  }, 0);
  return { flops: 6 * numbers, bytes: 8 * numbers + 4 * COLUMN_SUMS.words * COLUMNS * strips.length };
}
