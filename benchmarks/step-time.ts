/** Times a step that the host launches again and again, as a training loop does. The sections say what a step is. */
import type { Device } from 'lockstep-gpu';

/** Milliseconds for a step: by the host's clock, and of processor time over all threads. */
export interface StepTime {
  wall: number;
  processor: number;
}

/** Times `steps` steps until the device is done with them, after ten that are not timed. */
export async function timeSteps(device: Device, steps: number, step: () => void): Promise<StepTime> {
  for (let i = 0; i < 10; i++) step();
  await device.sync();
  const before = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < steps; i++) step();
  await device.sync();
  const wall = (performance.now() - start) / steps;
  const { user, system } = process.cpuUsage(before);
  return { wall, processor: (user + system) / 1e3 / steps };
}
