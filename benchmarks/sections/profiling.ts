/**
 * What profiling costs: the same launches on a device that was never profiled, on one that was profiled before, and
 * in a profile; and how many passes and query sets each takes. Small kernels, a hundred to a submit: the worst case.
 */
import { type Device, listAdapters, openDevice, relu, scope, type Tensor, tensor } from 'lockstep-gpu';
import { takeProfile } from '../../src/profiler/take-profile.js';
import type { Context, Report, Section } from '../section.js';
import { spread } from '../statistics.js';

const LAUNCHES = 2000;

type When = 'never profiled' | 'after a profile' | 'in a profile';
const WHEN: readonly When[] = ['never profiled', 'after a profile', 'in a profile'];

async function launchAll(device: Device, x: Tensor): Promise<void> {
  for (let k = 0; k < LAUNCHES; k++) scope(() => void relu(x));
  await device.sync();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return ((performance.now() - start) * 1000) / LAUNCHES;
}

/** Calls `work` and counts the passes and query sets that it asks of the device. */
async function counted(device: Device, work: () => Promise<unknown>) {
  const { gpu } = device;
  const [encoder, set] = [gpu.createCommandEncoder, gpu.createQuerySet];
  const counts = { passes: 0, sets: 0 };
  gpu.createQuerySet = (descriptor) => {
    counts.sets++;
    return set.call(gpu, descriptor);
  };
  gpu.createCommandEncoder = (descriptor) => {
    const made = encoder.call(gpu, descriptor);
    const begin = made.beginComputePass;
    made.beginComputePass = (pass) => {
      counts.passes++;
      return begin.call(made, pass);
    };
    return made;
  };
  try {
    await work();
  } finally {
    Reflect.deleteProperty(gpu, 'createCommandEncoder');
    Reflect.deleteProperty(gpu, 'createQuerySet');
  }
  return counts;
}

async function run({ device: used, rounds, say }: Context): Promise<Report> {
  const samples: Record<When, number[]> = { 'never profiled': [], 'after a profile': [], 'in a profile': [] };
  const counts = {} as Record<When, { passes: number; sets: number }>;
  const { device: name, description } = used.info;
  const adapter = (await listAdapters()).find((one) => [name, description].includes(one.name))?.name;
  for (let round = 1; round <= rounds; round++) {
    say(`profiling, round ${round}`);
    const device = await openDevice({ adapter });
    const x = tensor([1, 2, 3, 4], { device });
    const work = () => launchAll(device, x);
    const profiled = () => takeProfile(device, work);
    await work();
    samples['never profiled'].push(await timed(work));
    counts['never profiled'] = await counted(device, work);
    samples['in a profile'].push(await timed(profiled));
    counts['in a profile'] = await counted(device, profiled);
    samples['after a profile'].push(await timed(work));
    counts['after a profile'] = await counted(device, work);
    device.destroy();
  }
  return {
    samples: { samples, counts },
    tables: [
      {
        title: 'Profiling: the same launches without and with it',
        head: ['device', 'us a launch', 'passes', 'query sets'],
        rows: WHEN.map((when) => [when, spread(samples[when], 1), counts[when].passes, counts[when].sets]),
        notes: [
          `${LAUNCHES} launches of relu on 4 elements, until the device is done; median of ${rounds} rounds.`,
        ],
      },
    ],
  };
}

export const profiling: Section = { name: 'profiling', title: 'What profiling costs', run };
