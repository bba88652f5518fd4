/** Waits until the device's work is done and a buffer can be read on the host. How Dawn for Node does it: polled-maps.ts. */
import { checkNumber } from '../platform/arguments.js';
import { span } from '../platform/host-spans.js';
import { checkOptionNames } from '../platform/options.js';
import { hasDawnAddOn } from '../platform/platform.js';
import { PolledMaps } from '../platform/polled-maps.js';
import { MAP_MODE_READ, MAP_MODE_WRITE } from './usage.js';

/** Options of {@link Device.read} and {@link Device.sync}. */
export interface WaitOptions {
  /** How long the work before it probably takes, in milliseconds. A guess saves a few polls. Default 0. */
  expectedMs?: number;
  /** When the work was submitted, by `performance.now()`: older work is waited for first. Default: now. */
  submitted?: number;
}

/** Throws for options of other names, and for values that are no times. */
export function checkWaitOptions(where: string, options: WaitOptions): void {
  checkOptionNames(where, options, ['expectedMs', 'submitted']);
  const { expectedMs, submitted } = options;
  if (expectedMs !== undefined) checkNumber(where, 'expectedMs', expectedMs, { min: 0 });
  if (submitted !== undefined) checkNumber(where, 'submitted', submitted);
}

const mapForReading = (buffer: GPUBuffer, bytes: number): Promise<void> =>
  buffer.mapAsync(MAP_MODE_READ, 0, bytes);

/** The buffers of one device that the host waits for. */
export class Waits {
  readonly #polled: PolledMaps | undefined;

  /** `isCpu`: the device computes on the CPU. */
  constructor(isCpu: boolean) {
    if (isCpu && hasDawnAddOn()) this.#polled = new PolledMaps(mapForReading);
  }

  /**
   * Maps the first `bytes` bytes of a buffer for reading.
   *
   * @returns Milliseconds from the first look at the buffer to the end.
   * @throws What `mapAsync` rejects with.
   */
  map(buffer: GPUBuffer, bytes: number, { expectedMs, submitted }: WaitOptions = {}): Promise<number> {
    return span('wait', `map ${buffer.label}`, async () => {
      if (this.#polled) return this.#polled.map(buffer, bytes, expectedMs, submitted);
      const start = performance.now();
      await mapForReading(buffer, bytes);
      return performance.now() - start;
    });
  }

  /**
   * Maps a whole buffer for writing. Only for buffers that the device is done with: this is not polled.
   *
   * @throws What `mapAsync` rejects with.
   */
  mapForWriting(buffer: GPUBuffer): Promise<void> {
    return buffer.mapAsync(MAP_MODE_WRITE);
  }

  /** Ends the wait for a buffer that is about to be destroyed, which WebGPU does not do where it is polled. */
  stop(buffer: GPUBuffer): void {
    this.#polled?.stop(buffer);
  }
}
