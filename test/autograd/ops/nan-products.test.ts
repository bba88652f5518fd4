// Products of matrices and the fused network at NaN and infinities: no zero hides one, on any shader variant.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import * as ops from '../../../src/autograd/ops/index.js';
import type { Device } from '../../../src/gpu/device.js';
import { tensor } from '../../../src/tensor/create.js';
import { scope } from '../../../src/tensor/scope.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { host, matmulRule } from './rules.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

/** What a number is, where its digits do not matter. */
const kindOf = (x: number): string => (Number.isFinite(x) ? 'finite' : String(x));
const kinds = (list: ArrayLike<number>): string[] => Array.from(list, kindOf);

/** Small whole numbers, every third 0, so that zeros meet every column. */
const values = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 0 : ((i * 7 + seed) % 9) - 4));

const SPECIAL = [Number.NaN, Infinity, -Infinity];

describe.each([1, 4, 8] as const)('matmul, %i x %i an invocation', (variant) => {
  it.each(SPECIAL)('times %d', async (special) => {
    // Ragged sizes: what pads the tiles must not meet the special values either.
    const [m, k, n] = [9, 11, 13];
    const [a, b] = [values(m * k, 1), values(k * n, 2)];
    a[2 * k + 4] = special;
    b[7 * n + 12] = special;
    const product = ops.matmul(tensor(a, { shape: [m, k] }), tensor(b, { shape: [k, n] }), { variant });
    const expected = matmulRule(host([m, k], a), host([k, n], b)).data;
    expect(kinds(await product.data())).toEqual(kinds(expected));
    expect(kinds(expected).filter((kind) => kind !== 'finite').length).toBe(m + n - 1);
  });
});

describe('the fused network', () => {
  const [batch, features, hidden] = [5, 7, 40];
  const sizes = { x: batch * features, w1: hidden * features, b1: hidden, w2: hidden, b2: 1 };
  type Place = keyof typeof sizes;
  const shapes: Record<Place, number[]> = {
    x: [batch, features],
    w1: [hidden, features],
    b1: [hidden],
    w2: [1, hidden],
    b2: [1],
  };
  const places = Object.keys(sizes) as Place[];
  const targets = [0, 1, 1, 0, 1];

  const leaves = (where: Place, special: number): Tensor[] =>
    places.map((name) => {
      const data = values(sizes[name], name.length).map((v) => v * 0.25);
      if (name === where) data[Math.floor(data.length / 2)] = special;
      return tensor(data, { shape: shapes[name], requiresGrad: true });
    });
  const composed = (x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor): Tensor =>
    ops.linear(ops.relu(ops.linear(x, w1, b1)), w2, b2);

  async function outcome(inputs: Tensor[], loss: () => Tensor): Promise<string[][]> {
    const value = scope(() => {
      const made = loss();
      made.backward();
      return made.detach();
    });
    const grads = await Promise.all(inputs.map(async ({ grad }) => kinds(await grad!.data())));
    return [kinds(await value.data()), ...grads];
  }

  it.each(places)('a NaN in %s comes out where the composed network has it', async (where) => {
    const y = tensor(targets, { shape: [batch, 1] });
    const ready = [leaves(where, Number.NaN), leaves(where, Number.NaN)];
    const fused = await outcome(ready[0], () => ops.fusedMlpBce(...(withTargets(ready[0], y) as Six)));
    const plain = await outcome(ready[1], () => ops.bceLoss(ops.sigmoid(composed(...(ready[1] as Five))), y));
    expect(plain[0]).toEqual(['NaN']);
    expect(fused).toEqual(plain);
  });

  it.each(places)('logits of a NaN in %s', async (where) => {
    const inputs = leaves(where, Number.NaN) as Five;
    const logits = kinds(await ops.fusedMlp(...inputs).data());
    expect(logits).toEqual(kinds(await composed(...inputs).data()));
    expect(logits).toContain('NaN');
  });

  type Five = [Tensor, Tensor, Tensor, Tensor, Tensor];
  type Six = [Tensor, ...Five];
  const withTargets = ([x, ...rest]: Tensor[], y: Tensor): Tensor[] => [x, y, ...rest];
});
