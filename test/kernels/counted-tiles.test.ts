// Results with more tiles than a launch has workgroups in a dimension: products and the fused network, in the directions
// that a size can be long in. The numbers are small and whole, so float32 is exact in any order, and so are the expectations.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { fusedForward, fusedGradients, fusedInputGradient } from '../../src/kernels/tensor/fused-mlp.js';
import { matmul } from '../../src/kernels/tensor/matmul.js';
import { Generator } from '../../src/random/generator.js';
import { tensor } from '../../src/tensor/create.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** The most workgroups in a dimension; side of a tile of a small product, and of the fused network. */
const MOST = 65_535;
const [TILE, FUSED_TILE] = [8, 32];

const generator = new Generator(11);
/** Whole numbers from -3 to 3. */
function numbers(count: number): Float32Array {
  const random = Float32Array.from({ length: 4099 }, () => generator.randint(-3, 4));
  return Float32Array.from({ length: count }, (_, i) => random[i % 4099]);
}
const on = (data: Float32Array, ...shape: number[]): Tensor => tensor(data, { shape, device });

/** Where two lists first differ, as [place, is, should be]; undefined if nowhere. */
async function difference(result: Tensor, expected: (i: number) => number): Promise<number[] | undefined> {
  const data = await result.data();
  const at = data.findIndex((x, i) => x !== expected(i));
  return at < 0 ? undefined : [at, data[at], expected(at)];
}

describe('products', () => {
  it.each([
    ['rows', 1, TILE * MOST + 3, 2],
    ['columns', 1, 2, TILE * MOST + 3],
    ['batches', MOST + 2, 2, 3],
  ])('many %s', async (_, batches, m, n) => {
    const k = 2;
    const [a, b] = [numbers(batches * m * k), numbers(batches * k * n)];
    const product = matmul(on(a, batches, m, k), on(b, batches, k, n), undefined, 1);
    const expected = (i: number) => {
      const [batch, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
      const [atA, atB] = [(batch * m + row) * k, batch * k * n + column];
      return a[atA] * b[atB] + a[atA + 1] * b[atB + n];
    };
    expect(await difference(product, expected)).toBeUndefined();
  });
});

describe('the fused network', () => {
  const [features, inputWeights] = [2, Float32Array.of(1, -2)];

  /** One unit, the last, reaches the output, so that sums stay small. Returns its activations before relu, too. */
  function network(batch: number, hidden: number) {
    const [x, b1] = [numbers(batch * features), numbers(hidden)];
    const w1 = Float32Array.from({ length: hidden * features }, (_, i) => inputWeights[i % features]);
    const w2 = Float32Array.from({ length: hidden }, (_, h) => (h === hidden - 1 ? 1 : 0));
    const inputs = {
      x: on(x, batch, features),
      w1: on(w1, hidden, features),
      b1: on(b1, hidden),
      w2: on(w2, 1, hidden),
      b2: on(Float32Array.of(2), 1),
    };
    const last = Array.from({ length: batch }, (_, s) => b1[hidden - 1] + x[2 * s] - 2 * x[2 * s + 1]);
    return { inputs, x, last };
  }

  it('many samples', async () => {
    const { inputs, last } = network(FUSED_TILE * MOST + 5, 3);
    const { result, active } = fusedForward(inputs);
    expect(await difference(result, (s) => Math.max(0, last[s]) + 2)).toBeUndefined();
    const dz = numbers(last.length);
    const dx = fusedInputGradient(inputs, active, on(dz, dz.length));
    const expected = (i: number) => (last[i >> 1] > 0 ? dz[i >> 1] * inputWeights[i & 1] : 0);
    expect(await difference(dx, expected)).toBeUndefined();
  });

  it('many units', async () => {
    const hidden = FUSED_TILE * MOST + 5;
    const { inputs, x, last } = network(3, hidden);
    const { result, active } = fusedForward(inputs);
    expect(await difference(result, (s) => Math.max(0, last[s]) + 2)).toBeUndefined();
    const dz = Float32Array.of(1, -1, 3);
    const { w1 } = fusedGradients(inputs, active, on(dz, 3));
    const ofLast = (i: number) => last.reduce((sum, z, s) => sum + (z > 0 ? dz[s] * x[2 * s + i] : 0), 0);
    const first = (hidden - 1) * features;
    expect(await difference(w1, (i) => (i < first ? 0 : ofLast(i - first)))).toBeUndefined();
  });
});
