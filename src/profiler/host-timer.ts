/**
 * Times dispatches on the host's clock, for devices without timestamps: each goes to the device alone, after the one
 * before it was found done. So nothing is submitted at once: submits, uploads, maps and the destruction of buffers
 * wait for their turn in one line. Slow, and a kernel's time includes the way to the device and back.
 */
import { Patches } from './patches.js';
import type { Launched } from './recorded-pass.js';
import type { PassMaker, TimedLaunch, Timer, Timing } from './timer.js';
import { writtenBytes } from './written-bytes.js';

/** Commands to be submitted together; with a launch, one kernel, which is waited for. */
interface Segment {
  buffer: GPUCommandBuffer;
  launched?: Launched;
}

/** What stands behind an encoder that was handed out. */
interface Encoding {
  real: GPUCommandEncoder;
  /** Whether `real` holds commands. */
  used: boolean;
  segments: Segment[];
}

export class HostTimer implements Timer {
  readonly #gpu: GPUDevice;
  readonly #create: GPUDevice['createCommandEncoder'];
  readonly #patches = new Patches();
  readonly #encodings = new WeakMap<GPUCommandEncoder, Encoding>();
  readonly #segments = new WeakMap<GPUCommandBuffer, Segment[]>();
  /** Maps that were asked for and did not reach the device yet. */
  readonly #mapping = new WeakMap<GPUBuffer, object>();
  #line: Promise<void> = Promise.resolve();
  #waiting = 0;
  #launches: TimedLaunch[] = [];

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.#create = gpu.createCommandEncoder.bind(gpu);
  }

  async start(): Promise<void> {
    this.#launches = [];
    const { queue } = this.#gpu;
    this.#patches.replace(queue, 'writeBuffer', (write) => (target, offset, data, from, size) => {
      if (this.#waiting === 0) return write(target, offset, data, from, size);
      // The caller may write over its memory as soon as this returns.
      const copy = writtenBytes(data, from, size).slice();
      this.#queue(async () => write(target, offset, copy));
    });
    this.#patches.replace(queue, 'onSubmittedWorkDone', (done) => async () => {
      await this.#line;
      return done();
    });
    this.#patchBuffers();
  }

  #patchBuffers(): void {
    const sample = this.#gpu.createBuffer({ size: 4, usage: 0x8 });
    const prototype = Object.getPrototypeOf(sample) as GPUBuffer;
    sample.destroy();
    const timer = this;
    this.#patches.replaceMethod(
      prototype,
      'mapAsync',
      (map) =>
        async function (this: GPUBuffer, ...args: Parameters<GPUBuffer['mapAsync']>) {
          const ticket = {};
          timer.#mapping.set(this, ticket);
          await timer.#line;
          if (timer.#mapping.get(this) !== ticket) throw new DOMException('unmapped meanwhile', 'AbortError');
          timer.#mapping.delete(this);
          return map.apply(this, args);
        },
    );
    this.#patches.replaceMethod(
      prototype,
      'unmap',
      (unmap) =>
        function (this: GPUBuffer) {
          if (!timer.#mapping.delete(this)) unmap.call(this);
        },
    );
    this.#patches.replaceMethod(
      prototype,
      'destroy',
      (destroy) =>
        function (this: GPUBuffer) {
          if (timer.#waiting === 0) destroy.call(this);
          else timer.#queue(async () => destroy.call(this));
        },
    );
  }

  /** Does something after all that stands in line. */
  #queue(work: () => Promise<void>): void {
    this.#waiting++;
    this.#line = this.#line.then(work).finally(() => {
      this.#waiting--;
    });
    this.#line.catch(() => {}); // thrown where it is awaited
  }

  encoder(real: GPUCommandEncoder, pass: PassMaker): GPUCommandEncoder {
    const encoding: Encoding = { real, used: false, segments: [] };
    const own: Record<PropertyKey, unknown> = {};
    const proxy = new Proxy(own, {
      get: (_, name) => {
        if (name in own) return own[name];
        const value = encoding.real[name as keyof GPUCommandEncoder] as unknown;
        if (typeof value !== 'function') return value;
        encoding.used = true;
        return value.bind(encoding.real);
      },
    }) as unknown as GPUCommandEncoder;
    own.beginComputePass = (descriptor?: GPUComputePassDescriptor) => pass(proxy, descriptor);
    this.#encodings.set(proxy, encoding);
    return proxy;
  }

  #cut(encoding: Encoding): void {
    if (!encoding.used) return;
    encoding.segments.push({ buffer: encoding.real.finish() });
    encoding.real = this.#create();
    encoding.used = false;
  }

  encode(
    encoder: GPUCommandEncoder,
    launched: Launched,
    commands: (pass: GPUComputePassEncoder) => void,
  ): void {
    const encoding = this.#encodings.get(encoder)!;
    this.#cut(encoding);
    const alone = this.#create();
    const pass = alone.beginComputePass({ label: launched.pipeline.label });
    commands(pass);
    pass.end();
    encoding.segments.push({ buffer: alone.finish(), launched });
  }

  finish(encoder: GPUCommandEncoder): GPUCommandBuffer {
    const encoding = this.#encodings.get(encoder)!;
    const buffer = encoding.real.finish();
    const segments = encoding.used ? [...encoding.segments, { buffer }] : encoding.segments;
    this.#segments.set(buffer, segments);
    return buffer;
  }

  submit(buffers: readonly GPUCommandBuffer[], real: GPUQueue['submit']): void {
    const submitted = performance.now();
    const segments = buffers.flatMap((buffer) => this.#segments.get(buffer) ?? [{ buffer }]);
    this.#queue(async () => {
      for (const { buffer, launched } of segments) await this.#run(real, buffer, launched, submitted);
    });
  }

  async #run(
    real: GPUQueue['submit'],
    buffer: GPUCommandBuffer,
    launched: Launched | undefined,
    submitted: number,
  ): Promise<void> {
    if (!launched) return real([buffer]);
    const start = performance.now();
    real([buffer]);
    await this.#done();
    this.#launches.push({ ...launched, start, end: performance.now(), submitted });
  }

  /** The device's own, past the line. */
  async #done(): Promise<void> {
    const prototype = Object.getPrototypeOf(this.#gpu.queue) as GPUQueue;
    await prototype.onSubmittedWorkDone.call(this.#gpu.queue);
  }

  async finishAll(): Promise<{ launches: TimedLaunch[]; timing: Timing }> {
    await this.#line;
    this.#patches.restore();
    const zero = this.#launches.filter(({ start, end }) => end <= start).length;
    const timing: Timing = { clock: 'host', resolutionUs: 1, anchorUs: 0, zero, negative: 0 };
    return { launches: this.#launches, timing };
  }

  destroy(): void {
    this.#patches.restore();
  }
}
