/**
 * Launches the kernels that add up numbers of networks in lockstep (shaders/network/probes.wgsl.ts). The trainer chooses the
 * numbers, and knows what the sums mean.
 */
import {
  BATCH,
  COLUMN_SUMS,
  COLUMNS,
  columnSums,
  functionSums,
  PARITY,
  paritySums,
  STRIP,
} from '../../../shaders/network/probes.wgsl.js';
import type { Cost } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';

/** One strip; {@link STRIP} says what the fields are. */
export type Strip = Record<keyof typeof STRIP.at, number>;
/** One parity of one output; {@link PARITY} says what the fields are. */
export type Parity = Record<keyof typeof PARITY.at, number>;

/** A batch over which a function is added up; {@link BATCH} says what the fields are. */
export type Batch = Record<keyof typeof BATCH.at, number>;

/** The strips that make up a matrix. Their sums are written from `to` on. */
export const stripsOf = (matrix: Omit<Strip, 'first'>): Strip[] =>
  Array.from({ length: Math.ceil(matrix.columns / COLUMNS) }, (_, k) => ({
    ...matrix,
    first: k * COLUMNS,
    to: matrix.to + k * COLUMNS,
  }));

/** Buffers of a launch. `others` are bound after the sums. */
interface ProbeBuffers {
  tasks: GPUBuffer;
  memory: GPUBuffer;
  sums: GPUBuffer;
  others: readonly GPUBuffer[];
}

/** A kernel each of whose workgroups carries out one task of a table. */
export class ProbeKernel<Task> {
  /** Writes tasks as a table. */
  readonly words: (tasks: readonly Task[]) => Uint32Array<ArrayBuffer>;
  /** Bytes of a task in the table. */
  readonly taskBytes: number;
  readonly #device: Device;
  readonly #pipeline: GPUComputePipeline;
  readonly #costOf: (tasks: readonly Task[]) => Cost;

  static async columns(device: Device): Promise<ProbeKernel<Strip>> {
    const pipeline = await device.pipeline({ label: 'network-column-sums', code: columnSums() });
    return new ProbeKernel(device, pipeline, STRIP, costOfStrips);
  }

  static async parities(device: Device): Promise<ProbeKernel<Parity>> {
    const pipeline = await device.pipeline({ label: 'network-parity-sums', code: paritySums() });
    return new ProbeKernel(device, pipeline, PARITY, costOfParities);
  }

  /** @throws LockstepError `shader` if the caller's WGSL does not compile. */
  static async functions(device: Device, own: string): Promise<ProbeKernel<Batch>> {
    const pipeline = await device.pipeline({ label: 'network-function-sums', code: functionSums(own) });
    return new ProbeKernel(device, pipeline, BATCH, costOfBatches);
  }

  private constructor(
    device: Device,
    pipeline: GPUComputePipeline,
    struct: { words: number; array(tasks: readonly Task[]): Uint32Array<ArrayBuffer> },
    costOf: (tasks: readonly Task[]) => Cost,
  ) {
    this.#device = device;
    this.#pipeline = pipeline;
    this.words = (tasks) => struct.array(tasks);
    this.taskBytes = 4 * struct.words;
    this.#costOf = costOf;
  }

  /** Records the tasks of a table from `first` up to, not including, `end`. Their networks are all in `memory`. */
  add(
    { tasks, memory, sums, others }: ProbeBuffers,
    all: readonly Task[],
    [first, end]: readonly [number, number],
  ): void {
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    for (let from = first; from < end; from += most) {
      const some = all.slice(from, Math.min(end, from + most));
      this.#device.commands.dispatch({
        pipeline: this.#pipeline,
        params: Uint32Array.of(from, 0, 0, 0),
        bindings: [tasks, memory, sums, ...others].map((buffer) => ({ buffer })),
        grid: [some.length],
        note: () => ({ ...this.#costOf(some), shapes: `${some.length} sums` }),
      });
    }
  }
}

/** Each number and its origin are read once, with seven operations. */
function costOfStrips(strips: readonly Strip[]): Cost {
  const numbers = strips.reduce((sum, { rows, columns, first }) => {
    return sum + rows * Math.min(COLUMNS, columns - first);
  }, 0);
  return { flops: 7 * numbers, bytes: 8 * numbers + 4 * COLUMN_SUMS.words * COLUMNS * strips.length };
}

/** For each row, its number and its inputs are read, with one addition. */
function costOfParities(parities: readonly Parity[]): Cost {
  const sum = (of: (parity: Parity) => number) => parities.reduce((total, one) => total + of(one), 0);
  return { flops: sum(({ rows }) => rows), bytes: 4 * sum(({ rows, count }) => rows * (1 + count)) };
}

/** An addition an example; what the function reads is not known. */
function costOfBatches(batches: readonly Batch[]): Cost {
  const rows = batches.reduce((total, one) => total + one.rows, 0);
  return { flops: rows, bytes: 4 * rows };
}
