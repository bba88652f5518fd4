/**
 * Sums that one kernel adds up over several rounds, on the device: the tables of its tasks, its launches, and what comes back.
 * What the tasks are is probe-sums.ts's.
 */
import type { Device } from '../../gpu/device.js';
import type { ProbeKernel } from '../../kernels/network/probes.js';

export type WaitOptions = { expectedMs: number; submitted: number };

/** A task, and the buffer that has its network. */
export interface Placed<Task> {
  memory: GPUBuffer;
  task: Task;
}

/** The tasks of some rounds, one after the other, as the kernel reads them. */
interface Table<Task> {
  readonly tasks: Task[];
  buffer?: GPUBuffer;
}

/** Where the tasks of a round are: for each buffer with networks, their beginning and end in a table. */
interface Round<Task> {
  readonly table: Table<Task>;
  readonly ranges: ReadonlyMap<GPUBuffer, [number, number]>;
}

/** The tasks of one kernel, in rounds, and the sums that they add up. Without tasks it does nothing. */
export class Sums<Task> {
  readonly #device: Device;
  readonly #kernel: ProbeKernel<Task> | undefined;
  readonly #bytes: number;
  readonly #rounds: Round<Task>[];
  readonly #taken: GPUBuffer[] = [];
  readonly #sums: GPUBuffer | undefined;
  readonly #others: GPUBuffer[] = [];

  /**
   * @param words Of all sums.
   * @param other A further buffer's content, for a kernel that reads one.
   */
  constructor(
    device: Device,
    kernel: ProbeKernel<Task> | undefined,
    rounds: readonly (readonly Placed<Task>[])[],
    words: number,
    other?: Uint32Array<ArrayBuffer>,
  ) {
    this.#device = device;
    this.#kernel = kernel;
    this.#bytes = 4 * words;
    const most = kernel ? device.limits.maxStorageBufferBindingSize / kernel.taskBytes : 0;
    this.#rounds = inTables(rounds, most);
    if (this.#rounds.every(({ ranges }) => ranges.size === 0)) return;
    this.#sums = this.#take(this.#bytes);
    for (const { table } of this.#rounds) table.buffer ??= this.#filled(kernel!.words(table.tasks));
    if (other) this.#others.push(this.#filled(other));
  }

  #take(bytes: number): GPUBuffer {
    const buffer = this.#device.pool.take(bytes);
    this.#taken.push(buffer);
    return buffer;
  }

  #filled(words: Uint32Array<ArrayBuffer>): GPUBuffer {
    const buffer = this.#take(words.byteLength);
    this.#device.commands.write(buffer, 0, words);
    return buffer;
  }

  record(k: number): void {
    if (this.#sums === undefined) return;
    const { table, ranges } = this.#rounds[k];
    const buffers = { tasks: table.buffer!, sums: this.#sums, others: this.#others };
    for (const [memory, range] of ranges) this.#kernel!.add({ ...buffers, memory }, table.tasks, range);
  }

  async read(options: WaitOptions): Promise<ArrayBuffer> {
    if (this.#sums === undefined) return new ArrayBuffer(0);
    const bytes = await this.#device.read(this.#sums, 0, this.#bytes, options);
    for (const buffer of this.#taken) this.#device.pool.give(buffer);
    return bytes;
  }
}

/** Puts rounds one after the other into tables of at most so many tasks; a round is in one table. */
function inTables<Task>(rounds: readonly (readonly Placed<Task>[])[], most: number): Round<Task>[] {
  let table: Table<Task> = { tasks: [] };
  return rounds.map((round) => {
    if (table.tasks.length + round.length > most) table = { tasks: [] };
    const groups = new Map<GPUBuffer, Task[]>();
    for (const { memory, task } of round) {
      const group = groups.get(memory);
      if (group) group.push(task);
      else groups.set(memory, [task]);
    }
    const ranges = new Map<GPUBuffer, [number, number]>();
    for (const [memory, group] of groups) {
      ranges.set(memory, [table.tasks.length, table.tasks.length + group.length]);
      for (const task of group) table.tasks.push(task);
    }
    return { table, ranges };
  });
}
