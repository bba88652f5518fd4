/** What it costs to time a kernel: for programs that cannot be run a second time without a profile. */
import type { Device } from '../gpu/device.js';
import { takeProfile } from '../profiler/take-profile.js';

const LAUNCHES = 512;
const TRIES = 5;
const code = '@compute @workgroup_size(1) fn main() {}';

/** Milliseconds that a timed launch in a pass of its own takes longer than one among others; the median of some tries. */
export async function timedPassCost(device: Device): Promise<number> {
  const pipeline = await device.pipeline({ label: 'nothing', code });
  const launchAll = () => {
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let k = 0; k < LAUNCHES; k++) pass.dispatchWorkgroups(1);
    pass.end();
    device.gpu.queue.submit([encoder.finish()]);
  };
  const costs: number[] = [];
  for (let k = 0; k < TRIES; k++) {
    await device.sync();
    const start = performance.now();
    launchAll();
    await device.sync();
    const plain = performance.now() - start;
    const { wall } = await takeProfile(device, launchAll);
    costs.push((wall - plain) / LAUNCHES);
  }
  costs.sort((a, b) => a - b);
  return costs[(TRIES - 1) / 2];
}
