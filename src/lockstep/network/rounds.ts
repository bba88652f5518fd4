/**
 * Sums that one kernel adds up over several rounds, on the device: the table of its tasks, its launches, and what comes back.
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

/** The tasks of one kernel, in rounds, and the sums that they add up. Without tasks it does nothing. */
export class Sums<Task> {
  readonly #device: Device;
  readonly #kernel: ProbeKernel<Task> | undefined;
  readonly #tasks: readonly Task[];
  readonly #bytes: number;
  /** For each round and each buffer, where its tasks begin in the list of all, and where they end. */
  readonly #rounds: Map<GPUBuffer, [number, number]>[];
  readonly #buffers: GPUBuffer[] = [];

  /** @param other A further buffer's content, for a kernel that reads one. */
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
    [this.#tasks, this.#rounds] = byMemory(rounds);
    if (this.#tasks.length === 0) return;
    for (const table of [kernel!.words(this.#tasks), ...(other ? [other] : [])]) {
      const buffer = device.pool.take(table.byteLength);
      device.commands.write(buffer, 0, table);
      this.#buffers.push(buffer);
    }
    this.#buffers.splice(1, 0, device.pool.take(this.#bytes));
  }

  record(k: number): void {
    const [tasks, sums, ...others] = this.#buffers;
    for (const [memory, range] of this.#rounds[k] ?? []) {
      this.#kernel!.add({ tasks, memory, sums, others }, this.#tasks, range);
    }
  }

  async read(options: WaitOptions): Promise<ArrayBuffer> {
    if (this.#buffers.length === 0) return new ArrayBuffer(0);
    const bytes = await this.#device.read(this.#buffers[1], 0, this.#bytes, options);
    for (const buffer of this.#buffers) this.#device.pool.give(buffer);
    return bytes;
  }
}

/** All tasks in one list, and for each round and each buffer where its tasks begin and end there. */
function byMemory<Task>(
  rounds: readonly (readonly Placed<Task>[])[],
): [Task[], Map<GPUBuffer, [number, number]>[]] {
  const tasks: Task[] = [];
  const ranges = rounds.map((round) => {
    const groups = new Map<GPUBuffer, Task[]>();
    for (const { memory, task } of round) {
      const group = groups.get(memory);
      if (group) group.push(task);
      else groups.set(memory, [task]);
    }
    const ofRound = new Map<GPUBuffer, [number, number]>();
    for (const [memory, group] of groups) {
      ofRound.set(memory, [tasks.length, tasks.length + group.length]);
      for (const task of group) tasks.push(task);
    }
    return ofRound;
  });
  return [tasks, ranges];
}
