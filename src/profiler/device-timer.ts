/**
 * Times kernel launches by timestamps of the device (WebGPU's `timestamp-query`). Each launch gets a pass of its own, with a
 * timestamp at its beginning and one at its end.
 */

import type { Device } from '../gpu/device.js';
import type { Launch, Part, RecordingObserver, Send } from '../gpu/observer.js';
import { type Anchor, measureAnchor, toHost } from './clock-anchor.js';
import { type Launched, LaunchNotes } from './launch-notes.js';
import { QUERIES_TAKEN, type QueryBlock, QueryBlocks } from './query-blocks.js';
import type { TimedLaunch, Timer, Timing } from './timer.js';

/** Queries that a recorder took, and what they time: two a launch. */
interface Taken {
  block: QueryBlock;
  first: number;
  launches: Launched[];
}

/** A launch and its two timestamps, nanoseconds of the device's clock since an origin. */
interface Stamped {
  launched: Launched;
  begin: number;
  end: number;
  submitted: number;
}

export class DeviceTimer implements Timer {
  readonly behind = false;
  readonly #gpu: GPUDevice;
  readonly #blocks: QueryBlocks;
  readonly #stamped: Stamped[] = [];
  #first: Anchor | undefined;
  #origin: bigint | undefined;

  constructor(device: Device) {
    this.#gpu = device.gpu;
    this.#blocks = new QueryBlocks(device);
  }

  async start(): Promise<void> {
    const { anchor, origin } = await measureAnchor(this.#gpu, undefined);
    this.#first = anchor;
    this.#origin = origin;
  }

  recording(): RecordingObserver {
    return new Recording(this.#blocks, (taken, submitted) => this.#collect(taken, submitted));
  }

  later(work: () => void): void {
    work();
  }

  async sent(): Promise<void> {}

  #collect({ block, first, launches }: Taken, submitted: number): void {
    const origin = this.#origin ?? 0n;
    const stamped = launches.map((launched) => ({ launched, begin: 0, end: 0, submitted }));
    for (const one of stamped) this.#stamped.push(one);
    block.readers.push((values) => {
      stamped.forEach((one, k) => {
        one.begin = Number(values[first + 2 * k] - origin);
        one.end = Number(values[first + 2 * k + 1] - origin);
      });
    });
    this.#blocks.submitted(block);
  }

  async finish(): Promise<{ launches: TimedLaunch[]; timing: Timing }> {
    await this.#blocks.finish();
    const { anchor: last } = await measureAnchor(this.#gpu, this.#origin);
    return timedLaunches(this.#stamped, [this.#first ?? last, last]);
  }

  destroy(): void {
    this.#blocks.destroy();
  }
}

/** The launches of one recorder: takes two queries for each, when it is recorded. */
class Recording implements RecordingObserver {
  readonly apart = false;
  readonly #blocks: QueryBlocks;
  readonly #collect: (taken: Taken, submitted: number) => void;
  readonly #notes = new LaunchNotes();
  readonly #taken: Taken[] = [];

  constructor(blocks: QueryBlocks, collect: (taken: Taken, submitted: number) => void) {
    this.#blocks = blocks;
    this.#collect = collect;
  }

  launched(launch: Launch): GPUComputePassTimestampWrites {
    let last = this.#taken[this.#taken.length - 1];
    if (!last || 2 * last.launches.length === QUERIES_TAKEN) {
      last = { ...this.#blocks.take(), launches: [] };
      this.#taken.push(last);
    }
    const at = last.first + 2 * last.launches.length;
    last.launches.push(this.#notes.take(launch));
    return { querySet: last.block.set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  finishing(encoder: GPUCommandEncoder): void {
    for (const { block, first, launches } of this.#taken) {
      this.#blocks.resolve(encoder, block, first, 2 * launches.length);
    }
  }

  submit(parts: readonly Part[], send: Send): void {
    const submitted = performance.now();
    send(parts);
    this.#notes.divide();
    for (const taken of this.#taken) this.#collect(taken, submitted);
  }
}

/** The launches with their times on the host's clock. Times that are not above 0 are set to 0, and counted. */
export function timedLaunches(
  stamped: readonly Stamped[],
  anchors: readonly [Anchor, Anchor],
): { launches: TimedLaunch[]; timing: Timing } {
  const launches = stamped.map(({ launched, begin, end, submitted }) => {
    const start = toHost(begin, anchors);
    return { ...launched, start, end: start + Math.max(0, end - begin) / 1e6, submitted };
  });
  const timing: Timing = {
    clock: 'device',
    resolutionUs: resolution(stamped) / 1000,
    anchorUs: 1000 * Math.max(...anchors.map(({ error }) => error)),
    zero: stamped.filter(({ begin, end }) => end <= begin).length,
    negative: stamped.filter(({ begin, end }) => end < begin).length,
  };
  return { launches, timing };
}

/** The largest known step of a clock that all timestamps are multiples of, in nanoseconds. */
function resolution(stamped: readonly Stamped[]): number {
  const distances = stamped.flatMap(({ begin, end }) => [end - begin, begin - stamped[0].begin]);
  // Chrome rounds to 100 us, Dawn to 2^16 ns.
  const steps = [1e6, 1e5, 65536, 1e4, 1e3, 100, 10];
  return steps.find((step) => distances.every((distance) => distance % step === 0)) ?? 1;
}
