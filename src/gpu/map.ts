/**
 * Waits until a buffer can be read on the host. Its one concern is who computes meanwhile: Dawn for Node polls on the
 * main thread, without a pause, for as long as a map is awaited, and so takes a core from an adapter that computes
 * on the CPU.
 */
import { platformName } from './dawn.js';
import type { DeviceInfo } from './device.js';
import { span } from './host-spans.js';
import { MAP_MODE_READ } from './usage.js';

/** Options of {@link Device.read} and {@link Device.sync}. */
export interface WaitOptions {
  /** How long the work in front probably takes, in milliseconds: a guess saves a few polls. Default 0. */
  expectedMs?: number;
}

/** Share of the expected time that is slept before the first look: half, so that the guess may be twice too long. */
const SLEEP_SHARE = 0.5;
/**
 * How long one look polls, in ms, and at least as a share of the time waited so far. A map of work that is done resolves
 * within 0.3 ms, and later where the host is short of processor time: looks that grow find it there, too.
 */
const LOOK_MS = 1;
const LOOK_SHARE = 0.005;
/** Work that is done after so long is waited for without a pause. */
const PATIENCE_MS = 3;
/** Pause between two looks, as a share of the time waited so far, and at most. */
const PAUSE_SHARE = 0.1;
const LONGEST_PAUSE_MS = 50;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Sleeps for a part of the expected time. */
export async function sleepBefore({ expectedMs = 0 }: WaitOptions): Promise<void> {
  const ms = expectedMs * SLEEP_SHARE;
  if (ms >= 1) await sleep(ms);
}

/**
 * `mapAsync` for reading, of the first `bytes` bytes. On a CPU adapter under Node it looks now and then: maps, and unmaps
 * again when that does not resolve at once, which the specification allows (WebGPU, `GPUBuffer.unmap`: a pending map
 * is rejected). Found late by a tenth of the time waited; the cores are the driver's meanwhile. It can become
 * a plain `mapAsync` when Dawn for Node waits without polling.
 *
 * @returns Milliseconds from the first look to the end.
 * @throws What `mapAsync` rejects with, where that is not our own unmap.
 */
export function mapWhenDone(
  buffer: GPUBuffer,
  bytes: number,
  info: DeviceInfo,
  options: WaitOptions = {},
): Promise<number> {
  return span('wait', `map ${buffer.label}`, () => waitAndMap(buffer, bytes, info, options));
}

async function waitAndMap(
  buffer: GPUBuffer,
  bytes: number,
  { isCpu }: DeviceInfo,
  options: WaitOptions,
): Promise<number> {
  const start = performance.now();
  const polls = isCpu && platformName() !== 'browser';
  if (polls) await sleepBefore(options);
  const first = performance.now();
  if (!polls) await buffer.mapAsync(MAP_MODE_READ, 0, bytes);
  else {
    let look = PATIENCE_MS;
    while (!(await mapWithin(buffer, bytes, look))) {
      const waited = performance.now() - start;
      await sleep(Math.min(LONGEST_PAUSE_MS, Math.max(1, PAUSE_SHARE * waited)));
      look = Math.max(LOOK_MS, LOOK_SHARE * waited);
    }
  }
  return performance.now() - first;
}

/** Whether a map resolves within so many milliseconds; if not it is taken back. */
async function mapWithin(buffer: GPUBuffer, bytes: number, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const map = buffer.mapAsync(MAP_MODE_READ, 0, bytes).then(() => true as const);
  const done = await Promise.race([map, late]).finally(() => clearTimeout(timer));
  if (done) return true;
  map.catch(() => {}); // rejected by the next line
  buffer.unmap();
  return false;
}
