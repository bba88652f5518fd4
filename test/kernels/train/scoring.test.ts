// Test accuracy on the device: both scoring kernels count what a float64 forward pass counts, on random networks and
// test sets of any length.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import type { MlpWeights } from '../../../src/kernels/train/mlp-weights.js';
import { type NetworkLayout, Networks } from '../../../src/kernels/train/networks.js';
import { Scorer } from '../../../src/kernels/train/scoring.js';
import { type BinaryDataset, BitMatrix } from '../../../src/tensor/bits.js';
import { packVector } from '../../../src/tensor/pack-bits.js';
import { randomDataset, randomWeights } from '../../lockstep/outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

/** Logits this close to 0 could round to either side; sums of some hundred terms of at most 1 err far less. */
const MARGIN = 1e-4;

function logits({ w1, b1, w2, b2 }: MlpWeights, { x }: BinaryDataset): number[] {
  return Array.from({ length: x.rows }, (_, e) => {
    let z = b2[0];
    b1.forEach((bias, h) => {
      let z1 = bias;
      for (let i = 0; i < x.cols; i++) if (x.get(e, i)) z1 += w1[h * x.cols + i];
      z += Math.max(z1, 0) * w2[h];
    });
    return z;
  });
}

/** Moves the output bias until no logit is near 0, and both answers are given. */
function decided(weights: MlpWeights, set: BinaryDataset): MlpWeights {
  const sorted = logits(weights, set).sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((z, i) => ({ width: z - sorted[i], middle: (z + sorted[i]) / 2 }));
  const inner = gaps.slice(Math.floor(gaps.length / 4), Math.ceil((3 * gaps.length) / 4));
  const widest = inner.reduce((best, gap) => (gap.width > best.width ? gap : best));
  expect(widest.width).toBeGreaterThan(2 * MARGIN);
  return { ...weights, b2: Float32Array.of(weights.b2[0] - widest.middle) };
}

function share(weights: MlpWeights, set: BinaryDataset): number {
  const right = logits(weights, set).filter((z, e) => z >= 0 === (set.y.get(e) === 1));
  return right.length / set.x.rows;
}

/** Of networks that lie on the device, five in a buffer. */
async function accuraciesOf(
  kernel: 'subgroup' | 'portable',
  set: BinaryDataset,
  networks: readonly MlpWeights[],
  on = device,
): Promise<number[]> {
  const scorer = new Scorer(on, set.x.cols, networks[0].b1.length, kernel);
  const groups: Networks[] = [];
  for (let first = 0; first < networks.length; first += 5)
    groups.push(placed(networks.slice(first, first + 5), scorer.layout));
  const accuracies = await scorer.accuracies(set, groups);
  for (const group of groups) group.free();
  return accuracies.flat();
}

function placed(weights: readonly MlpWeights[], layout: NetworkLayout): Networks {
  const { features, hidden, pitch, vectorsAt, outputBiasAt, floats } = layout;
  const all = new Float32Array(floats * weights.length);
  weights.forEach(({ w1, b1, w2, b2 }, k) => {
    const network = all.subarray(k * floats, (k + 1) * floats);
    for (let h = 0; h < hidden; h++) network.set(w1.subarray(h * features, (h + 1) * features), h * pitch);
    network.set([...b1, ...w2], vectorsAt);
    network.set(b2, outputBiasAt);
  });
  const networks = new Networks(device, layout, weights.length);
  networks.write(all);
  return networks;
}

describe.each(['subgroup', 'portable'] as const)('the %s scoring kernel', (kernel) => {
  it.each([
    { features: 8, hidden: 32, rows: 300 },
    { features: 50, hidden: 64, rows: 2500 },
    { features: 8, hidden: 2048, rows: 300 },
  ])('counts as float64 does: %o', async ({ features, hidden, rows }) => {
    const set = randomDataset(rows, features, rows);
    const networks = Array.from({ length: 11 }, (_, k) => decided(randomWeights(features, hidden, k), set));
    const accuracies = await accuraciesOf(kernel, set, networks);
    expect(accuracies).toEqual(networks.map((network) => share(network, set)));
    expect(new Set(accuracies).size).toBeGreaterThan(5);
    // The first call has made staging buffers, which reads keep; a second one leaves nothing behind.
    const { buffers, bytes } = device.memory();
    await accuraciesOf(kernel, set, networks);
    expect(device.memory()).toMatchObject({ buffers, bytes });
  });

  it('scores a test set in as many launches as the device needs', async () => {
    const set = randomDataset(5000, 8, 1);
    const networks = Array.from({ length: 7 }, (_, k) => decided(randomWeights(8, 32, k), set));
    const limits = new Proxy(device.limits, {
      get: (target, name) =>
        name === 'maxComputeWorkgroupsPerDimension' ? 7 : Reflect.get(target, name, target),
    });
    const small = new Proxy(device, {
      get(target, name) {
        if (name === 'limits') return limits;
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    expect(await accuraciesOf(kernel, set, networks, small)).toEqual(
      networks.map((network) => share(network, set)),
    );
  });

  it.each(['w1', 'b1', 'w2', 'b2'] as const)('a NaN in %s answers 0 wherever it reaches', async (where) => {
    const [features, hidden] = [8, 32];
    const set = randomDataset(300, features, 1);
    // Every hidden unit is active and every answer 1, but where the NaN reaches.
    const filled = (length: number) => new Float32Array(length).fill(0.5);
    const network = { w1: filled(hidden * features), b1: filled(hidden), w2: filled(hidden), b2: filled(1) };
    network[where][0] = Number.NaN;
    const reaches = (e: number) => where !== 'w1' || set.x.get(e, 0) === 1;
    const right = Array.from({ length: set.x.rows }, (_, e) => e).filter(
      (e) => set.y.get(e) === (reaches(e) ? 0 : 1),
    );
    expect(await accuraciesOf(kernel, set, [network])).toEqual([right.length / set.x.rows]);
  });

  it.each([1, 31, 128, 129, 2048, 2049])('counts %i examples, no more and no fewer', async (rows) => {
    // Every logit is the output bias: with labels of 1 all examples are right, or none is.
    const features = 8;
    const set = {
      x: new BitMatrix(rows, features),
      y: packVector(new Uint8Array(rows).fill(1)),
    };
    const network = (bias: number) => ({
      w1: new Float32Array(32 * features),
      b1: new Float32Array(32),
      w2: new Float32Array(32),
      b2: Float32Array.of(bias),
    });
    // p of exactly 0.5 counts as 1.
    expect(await accuraciesOf(kernel, set, [0.1, -0.1, 0].map(network))).toEqual([1, 0, 1]);
  });
});
