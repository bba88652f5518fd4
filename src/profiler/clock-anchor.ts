/**
 * Converts times of the device's clock to the host's. A timestamp lies between the host's times of submitting its commands and
 * of finding them done; of several tries the narrowest bounds count. This is measured before and after a profile, with a
 * straight line in between, as the two clocks may run at different speeds.
 */
import { BufferUsage, MAP_MODE_READ } from '../gpu/usage.js';

const TRIES = 6;

/** At device time `device` (ns), the host's clock was `offset` ms ahead of the device's, give or take `error` ms. */
export interface Anchor {
  device: number;
  offset: number;
  error: number;
}

/** The anchor from some tries: when each was submitted and found done (ms), and the device's clock in between (ns). */
export function anchorOf(tries: readonly { submitted: number; done: number; device: number }[]): Anchor {
  const lower = Math.max(...tries.map(({ submitted, device }) => submitted - device / 1e6));
  const upper = Math.min(...tries.map(({ done, device }) => done - device / 1e6));
  const { device } = tries[tries.length - 1];
  return { device, offset: (lower + upper) / 2, error: Math.abs(upper - lower) / 2 };
}

/** Milliseconds on the host's clock of a device time (ns). */
export function toHost(device: number, [first, last]: readonly [Anchor, Anchor]): number {
  const span = last.device - first.device;
  const share = span > 0 ? (device - first.device) / span : 0;
  return device / 1e6 + first.offset + share * (last.offset - first.offset);
}

/** Compares the two clocks while the device is idle. `origin` is the device time (ns) to count from. */
export async function measureAnchor(
  gpu: GPUDevice,
  origin: bigint | undefined,
): Promise<{ anchor: Anchor; origin: bigint }> {
  const set = gpu.createQuerySet({ label: 'clock', type: 'timestamp', count: 2 });
  const resolved = gpu.createBuffer({ size: 16, usage: BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC });
  const staging = gpu.createBuffer({ size: 16, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
  try {
    const tries: { submitted: number; done: number; device: number }[] = [];
    for (let k = 0; k < TRIES; k++) {
      const encoder = gpu.createCommandEncoder({ label: 'clock' });
      const timestampWrites = { querySet: set, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
      encoder.beginComputePass({ timestampWrites }).end();
      encoder.resolveQuerySet(set, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
      const commands = encoder.finish();
      const submitted = performance.now();
      gpu.queue.submit([commands]);
      await staging.mapAsync(MAP_MODE_READ);
      const done = performance.now();
      const [stamp] = new BigUint64Array(staging.getMappedRange().slice(0, 8));
      staging.unmap();
      origin ??= stamp;
      tries.push({ submitted, done, device: Number(stamp - origin) });
    }
    return { anchor: anchorOf(tries), origin: origin as bigint };
  } finally {
    set.destroy();
    resolved.destroy();
    staging.destroy();
  }
}
