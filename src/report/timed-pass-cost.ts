/** Measures what timing a kernel costs, for programs that cannot be run a second time without a profile. */
import { bindGroup } from '../gpu/bindings.js';
import type { Device } from '../gpu/device.js';
import { quantile } from '../platform/quantile.js';
import { takeProfile } from '../profiler/take-profile.js';

const LAUNCHES = 512;
const TRIES = 5;
const code = '@compute @workgroup_size(1) fn main() {}';

/** How many milliseconds longer a launch takes in a timed pass of its own than among others; the median of some tries. */
export async function timedPassCost(device: Device): Promise<number> {
  const pipeline = await device.pipeline({ label: 'nothing', code });
  const group = bindGroup(device.gpu, pipeline, []);
  const launchAll = () => {
    const recorder = device.commands.record('nothing');
    for (let k = 0; k < LAUNCHES; k++) recorder.dispatch(pipeline, group, [1]);
    recorder.submit();
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
  return quantile(
    costs.sort((a, b) => a - b),
    0.5,
  );
}
