/**
 * The process that card.ts starts: the whole library on a card that computes nothing. It compiles every pipeline that a GPU is
 * given, trains, reads, asks for an error, and prints what came of it as a line of JSON. Pipelines are compiled one by one,
 * each before a line that names it, for the driver prints statistics in that order and without names.
 *
 *   child.ts [--steps 500] [--only NAME, one of PIECES] [--spill] [--host]
 */
import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openDevice, subgroupMatrices } from 'lockstep-gpu';
import { type HostTime, hostTimes } from './host-times.js';
import { PIECES } from './pieces.js';
import { spillingShader } from './spilling-shader.js';
import { markOf } from './statistics.js';

/** What came of the work. */
export interface Outcome {
  adapter: string;
  /** By the names of {@link PIECES}: what each found, and what was wrong. */
  found: Record<string, string[]>;
  faults: string[];
  /** Only with `--host`, which compiles nothing else. */
  host?: HostTime[];
}

const { values: flags } = parseArgs({
  options: {
    steps: { type: 'string', default: '500' },
    only: { type: 'string' },
    spill: { type: 'boolean', default: false },
    host: { type: 'boolean', default: false },
  },
});

const device = await openDevice(subgroupMatrices);
const { gpu } = device;
let piece = '';
const compile = gpu.createComputePipeline.bind(gpu);
const tellName = ({ label = '', compute }: GPUComputePipelineDescriptor): void => {
  writeSync(2, markOf({ piece, label, entryPoint: compute.entryPoint ?? 'main' }));
};
// The driver compiles, and prints, before `compile` returns.
gpu.createComputePipeline = (descriptor) => {
  const pipeline = compile(descriptor);
  tellName(descriptor);
  return pipeline;
};
let last: Promise<unknown> = Promise.resolve();
gpu.createComputePipelineAsync = (descriptor) => {
  const one = async () => {
    gpu.pushErrorScope('validation');
    const pipeline = compile(descriptor);
    const error = await gpu.popErrorScope();
    if (error) throw error;
    tellName(descriptor);
    return pipeline;
  };
  const next = last.then(one);
  last = next.catch(() => {});
  return next;
};

const outcome: Outcome = { adapter: device.info.device, found: {}, faults: [] };
if (device.info.isCpu) outcome.faults.push(`the adapter is ${device.info.device}, a processor`);
if (flags.host) outcome.host = await hostTimes(device);
for (const [name, run] of flags.host ? [] : Object.entries(PIECES)) {
  if (flags.only !== undefined && name !== flags.only) continue;
  piece = name;
  try {
    outcome.found[name] = await run(device, Number(flags.steps));
  } catch (error) {
    outcome.faults.push(`${name}: ${error instanceof Error ? error.stack : error}`);
  }
}
if (flags.spill) {
  piece = 'spilling on purpose';
  await device.pipeline({ label: 'spilling', code: spillingShader(), entryPoint: 'main' });
}
console.log(JSON.stringify(outcome));
process.exit(0);
