/**
 * Prints digests of what the kernels compute, down to every bit: weights, losses, accuracies and test scores of short
 * trainings on each training kernel, and results and gradients of the tensor core. For before and after a change that
 * must keep the same bits, on the same machine:
 *
 *     npx jiti benchmarks/fingerprints.ts > before.json
 *     npx jiti benchmarks/fingerprints.ts --against before.json
 *
 * No expectations are kept, because drivers contract and order floating-point operations differently.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as ls from 'lockstep-gpu';
import { makeTask, makeTestSet, sampleSecrets } from 'lockstep-gpu/bench';
import { runsOf } from './runs.js';

const KERNELS = ['subgroup', 'tiles-persistent', 'tiles-batched', 'portable'] as const;
const FEATURES = [12, 32, 50, 64];
const STRATEGIES = ['feature-isolation', 'multi-epoch', 'antithetic-anchors'];
const RUNS = 3;
const STEPS = 60;
const SEED = 42;

type Digests = Record<string, string>;

const digest = (...parts: ArrayBufferView[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest('hex').slice(0, 16);
};

async function trained(
  device: ls.Device,
  kernel: (typeof KERNELS)[number],
  features: number,
  strategy: string,
) {
  const task = makeTask(`n${features}-k8`, 'full', { testSetSize: 1000 });
  const testSet = makeTestSet(sampleSecrets(task, SEED)[0], task, SEED);
  const runs = runsOf({ strategy, features, hidden: 64, rows: 12_800_000 }, RUNS);
  const numbers: number[] = [];
  const weights: ArrayBufferView[] = [];
  for await (const event of ls.trainLockstep(device, {
    runs: runs.map((run) => ({ ...run, testSet })),
    ...{ features, hidden: 64, maxSteps: STEPS, logInterval: 20, kernel },
  })) {
    if (event.type === 'window') numbers[4 * (event.run * STEPS + event.step)] = event.loss;
    if (event.type === 'window') numbers[4 * (event.run * STEPS + event.step) + 1] = event.accuracy;
    if (event.type !== 'finish') continue;
    numbers[4 * (event.run * STEPS + event.steps) + 2] = event.testAccuracy;
    const { w1, b1, w2, b2 } = await event.weights();
    weights[event.run] = Float32Array.of(...w1, ...b1, ...w2, ...b2);
  }
  return digest(
    Float64Array.from(numbers, (value) => value ?? 0),
    ...weights,
  );
}

async function trainings(device: ls.Device): Promise<Digests> {
  const digests: Digests = {};
  for (const kernel of KERNELS)
    for (const features of FEATURES)
      for (const strategy of STRATEGIES) {
        const name = `${kernel} n${features} ${strategy}`;
        process.stderr.write(`${name}\n`);
        digests[name] = await trained(device, kernel, features, strategy);
      }
  return digests;
}

type Graph = (x: ls.Tensor, y: ls.Tensor, w: ls.Tensor) => ls.Tensor;

/** Functions of x [37, 19], y [37, 19] and w [19, 11] that use every kind of kernel of the tensor core. */
const GRAPHS: Record<string, Graph> = {
  matmul: (x, _, w) => ls.matmul(x, w),
  'affine, tanh': (x, _, w) => ls.tanh(ls.matmul(x, w)),
  'broadcast, views': (x, y) => ls.mul(ls.add(x, ls.transpose(ls.transpose(y))), ls.sum(x, 0)),
  'sums and means': (x, y) => ls.mean(ls.mul(x, y), 1),
  softmax: (x) => ls.softmax(x, 1),
  'exp, log, sqrt': (x, y) => ls.log(ls.add(ls.exp(x), ls.sqrt(ls.add(ls.mul(y, y), 1)))),
  activations: (x, y) => ls.mul(ls.softplus(y), ls.sigmoid(ls.leakyRelu(x))),
  maximum: (x, y) => ls.maximum(x, y),
};

async function graphs(device: ls.Device): Promise<Digests> {
  const digests: Digests = {};
  for (const [name, graph] of Object.entries(GRAPHS)) {
    const generator = new ls.Generator(7);
    const [x, y, w] = [
      [37, 19],
      [37, 19],
      [19, 11],
    ].map((shape) => ls.randn(shape, { device, generator, requiresGrad: true }));
    const result = graph(x, y, w);
    const values = await result.data();
    const weights = ls.rand(result.shape, { device, generator });
    ls.sum(ls.mul(result, weights)).backward();
    const gradients = await Promise.all([x, y, w].map((t) => t.grad?.data() ?? new Float32Array(0)));
    digests[`graph ${name}`] = digest(values, ...gradients);
  }
  return digests;
}

const { values: flags } = parseArgs({ options: { against: { type: 'string' } } });
const device = await ls.openDevice();
const digests = { ...(await graphs(device)), ...(await trainings(device)) };
device.destroy();
if (flags.against === undefined) {
  console.log(JSON.stringify(digests, null, 2));
} else {
  const before: Digests = JSON.parse(readFileSync(flags.against, 'utf8'));
  const names = [...new Set([...Object.keys(before), ...Object.keys(digests)])];
  const different = names.filter((name) => before[name] !== digests[name]);
  for (const name of different)
    console.log(`${name}: ${before[name] ?? 'missing'}, now ${digests[name] ?? 'missing'}`);
  console.log(`${names.length - different.length} of ${names.length} the same`);
  process.exitCode = different.length === 0 ? 0 : 1;
}
