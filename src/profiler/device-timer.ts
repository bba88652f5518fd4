/**
 * Times dispatches by timestamps of the device (WebGPU's `timestamp-query`): a pass a dispatch, a query at its begin
 * and one at its end.
 */

import type { DeviceInfo } from '../gpu/device-info.js';
import { type Anchor, measureAnchor, toHost } from './clock-anchor.js';
import { QUERIES_TAKEN, type QueryBlock, QueryBlocks } from './query-blocks.js';
import type { Launched } from './recorded-pass.js';
import type { PassMaker, TimedLaunch, Timer, Timing } from './timer.js';

/** Queries that a command encoder took, and what they time: two a launch. */
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
  readonly #gpu: GPUDevice;
  readonly #blocks: QueryBlocks;
  readonly #encoders = new WeakMap<GPUCommandEncoder, Taken[]>();
  readonly #buffers = new WeakMap<GPUCommandBuffer, Taken[]>();
  readonly #finish = new WeakMap<GPUCommandEncoder, GPUCommandEncoder['finish']>();
  readonly #begin = new WeakMap<GPUCommandEncoder, GPUCommandEncoder['beginComputePass']>();
  #stamped: Stamped[] = [];
  #first: Anchor | undefined;
  #origin: bigint | undefined;

  constructor(gpu: GPUDevice, info: DeviceInfo) {
    this.#gpu = gpu;
    this.#blocks = new QueryBlocks(gpu, info);
  }

  async start(): Promise<void> {
    const { anchor, origin } = await measureAnchor(this.#gpu, undefined);
    this.#first = anchor;
    this.#origin = origin;
    this.#stamped = [];
  }

  encoder(real: GPUCommandEncoder, pass: PassMaker): GPUCommandEncoder {
    this.#encoders.set(real, []);
    const begin = real.beginComputePass.bind(real);
    this.#begin.set(real, begin);
    this.#finish.set(real, real.finish.bind(real));
    // A pass that takes times of its own stays as it is.
    real.beginComputePass = (descriptor) =>
      descriptor?.timestampWrites ? begin(descriptor) : pass(real, descriptor);
    return real;
  }

  encode(
    encoder: GPUCommandEncoder,
    launched: Launched,
    commands: (pass: GPUComputePassEncoder) => void,
  ): void {
    const taken = this.#encoders.get(encoder)!;
    let last = taken[taken.length - 1];
    if (!last || 2 * last.launches.length === QUERIES_TAKEN) {
      last = { ...this.#blocks.take(), launches: [] };
      taken.push(last);
    }
    const at = last.first + 2 * last.launches.length;
    last.launches.push(launched);
    const pass = this.#begin.get(encoder)!({
      label: launched.pipeline.label,
      timestampWrites: {
        querySet: last.block.set,
        beginningOfPassWriteIndex: at,
        endOfPassWriteIndex: at + 1,
      },
    });
    commands(pass);
    pass.end();
  }

  finish(encoder: GPUCommandEncoder, descriptor?: GPUCommandBufferDescriptor): GPUCommandBuffer {
    const taken = this.#encoders.get(encoder) ?? [];
    for (const { block, first, launches } of taken) {
      this.#blocks.resolve(encoder, block, first, 2 * launches.length);
    }
    const buffer = this.#finish.get(encoder)!(descriptor);
    this.#buffers.set(buffer, taken);
    return buffer;
  }

  submit(buffers: readonly GPUCommandBuffer[], real: GPUQueue['submit']): void {
    const submitted = performance.now();
    real(buffers);
    for (const buffer of buffers) {
      for (const taken of this.#buffers.get(buffer) ?? []) this.#collect(taken, submitted);
    }
  }

  #collect({ block, first, launches }: Taken, submitted: number): void {
    const origin = this.#origin ?? 0n;
    const stamped = launches.map((launched) => ({ launched, begin: 0, end: 0, submitted }));
    this.#stamped.push(...stamped);
    block.readers.push((values) => {
      stamped.forEach((one, k) => {
        one.begin = Number(values[first + 2 * k] - origin);
        one.end = Number(values[first + 2 * k + 1] - origin);
      });
    });
    this.#blocks.submitted(block);
  }

  async finishAll(): Promise<{ launches: TimedLaunch[]; timing: Timing }> {
    await this.#blocks.finish();
    const { anchor: last } = await measureAnchor(this.#gpu, this.#origin);
    return timedLaunches(this.#stamped, [this.#first ?? last, last]);
  }

  destroy(): void {
    this.#blocks.destroy();
  }
}

/** Launches with their times on the host's clock. What ends no later than it begins counts as 0, and is counted. */
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

/** The largest step, of those that clocks are known to take, that all timestamps are multiples of; in nanoseconds. */
function resolution(stamped: readonly Stamped[]): number {
  const distances = stamped.flatMap(({ begin, end }) => [end - begin, begin - stamped[0].begin]);
  // Chrome rounds to 100 us, Dawn to 2^16 ns.
  const steps = [1e6, 1e5, 65536, 1e4, 1e3, 100, 10];
  return steps.find((step) => distances.every((distance) => distance % step === 0)) ?? 1;
}
