// The sigmoid, logarithm and cross-entropy that both training kernels share, against float64: shaders/shared/bce.wgsl.ts
// included in a kernel of its own, over logits from -120 to 120.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bce } from '../../../shaders/shared/bce.wgsl.js';
import { openDevice } from '../../../src/adapter/open.js';
import { bindGroup } from '../../../src/gpu/bindings.js';
import type { Device } from '../../../src/gpu/device.js';
import { BufferUsage } from '../../../src/gpu/usage.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

/** Values of WGSL expressions of `x`, all evaluated for each of the inputs. */
async function evaluate(expressions: readonly string[], inputs: Float32Array): Promise<Float32Array[]> {
  const count = expressions.length;
  const code = /* wgsl */ `
@group(0) @binding(0) var<storage, read> inputs: array<f32>;
@group(0) @binding(1) var<storage, read_write> outputs: array<f32>;
${bce}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&inputs)) { return; }
  let x = inputs[id.x];
  ${expressions.map((expression, k) => `outputs[id.x * ${count}u + ${k}u] = ${expression};`).join('\n  ')}
}`;
  const pipeline = await device.pipeline({ label: 'bce', code });
  const input = device.allocate('inputs', inputs.byteLength, STORAGE);
  const output = device.allocate('outputs', count * inputs.byteLength, STORAGE);
  device.gpu.queue.writeBuffer(input, 0, inputs as Float32Array<ArrayBuffer>);
  const encoder = device.gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup(device.gpu, pipeline, [input, output]));
  pass.dispatchWorkgroups(Math.ceil(inputs.length / 64));
  pass.end();
  device.gpu.queue.submit([encoder.finish()]);
  const values = new Float32Array(await device.read(output, 0, output.size));
  device.free(input);
  device.free(output);
  return expressions.map((_, k) => inputs.map((_, i) => values[i * count + k]));
}

/** Distance of float32 numbers around x. */
const ulp = (x: number) => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 23);
const ulpsOff = (value: number, exact: number) => Math.abs(value - exact) / ulp(exact);

const sweep = (from: number, to: number, count: number) =>
  Float32Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

/** The largest of `error(i)` is at most `tolerance`; where it is not, the input is named. */
function expectWithin(inputs: Float32Array, tolerance: number, error: (i: number) => number): void {
  let worst = { error: 0, input: 0 };
  for (let i = 0; i < inputs.length; i++) {
    const now = error(i);
    if (!(now <= worst.error)) worst = { error: now, input: inputs[i] };
  }
  expect(worst.error, `at ${worst.input}`).toBeLessThanOrEqual(tolerance);
}

/** Errors in ULP. exp and log: 1.24 and 0.74 measured, "about 1" claimed. */
const EXP_ULPS = 1.5;
const LOG_ULPS = 1;
/** exp's error, the rounding of 1 + e^-z, and a division that may be 2.5 ULP off. */
const SIGMOID_ULPS = 5;
/** Given p: five roundings in the gradient and two divisions. */
const GRADIENT_ULPS = 8;
const SMALLEST_NORMAL = 2 ** -126;

describe('exp and log of bce.wgsl', () => {
  it('exp is within 1.5 ULP from -87 to 88, and constant beyond', async () => {
    const x = sweep(-87, 88, 200_001);
    const [y] = await evaluate(['expCephes(x)'], x);
    expectWithin(x, EXP_ULPS, (i) => ulpsOff(y[i], Math.exp(x[i])));
    const [beyond] = await evaluate(['expCephes(x)'], Float32Array.of(-3e38, -88, -87, 88, 89, 3e38));
    expect([...beyond]).toEqual([y[0], y[0], y[0], y[200_000], y[200_000], y[200_000]]);
  });

  it('log is within 1 ULP for all normal numbers up to 1, and next to 1', async () => {
    const all = sweep(-126, 0, 200_001).map((exponent) => 2 ** exponent);
    const nextToOne = Float32Array.from({ length: 200_001 }, (_, i) => 1 - (i + 1) * 2 ** -24);
    for (const x of [all.slice(0, -1), nextToOne]) {
      const [y] = await evaluate(['logCephes(x)'], x);
      expectWithin(x, LOG_ULPS, (i) => ulpsOff(y[i], Math.log(x[i])));
    }
    const [ends] = await evaluate(['logCephes(x)', 'clampedLog(x)'], Float32Array.of(1));
    expect([...ends]).toEqual([0]);
  });
});

describe('sigmoid and cross-entropy of bce.wgsl', () => {
  const z = sweep(-120, 120, 480_001);
  const expressions = [
    'sigmoid(x)',
    'bce(x, 0.0).loss',
    'bce(x, 1.0).loss',
    'bce(x, 0.0).gradient',
    'bce(x, 1.0).gradient',
    'select(0.0, 1.0, bce(x, 0.0).correct)',
    'select(0.0, 1.0, bce(x, 1.0).correct)',
  ];
  let p: Float32Array;
  let loss: Float32Array[];
  let gradient: Float32Array[];
  let correct: Float32Array[];
  beforeAll(async () => {
    const values = await evaluate(expressions, z);
    p = values[0];
    loss = values.slice(1, 3);
    gradient = values.slice(3, 5);
    correct = values.slice(5, 7);
  });

  it('p is the sigmoid of z, 0 or next to it where that is no normal number', () => {
    expectWithin(z, SIGMOID_ULPS, (i) => {
      const exact = 1 / (1 + Math.exp(-z[i]));
      return exact > SMALLEST_NORMAL ? ulpsOff(p[i], exact) : p[i] / (2 * SMALLEST_NORMAL);
    });
  });

  it.each([0, 1])('the loss for y = %i is that of p and 1 - p in float32, at most 100', (y) => {
    expectWithin(z, LOG_ULPS, (i) => {
      const right = y === 1 ? p[i] : Math.fround(1 - p[i]);
      const exact = right < SMALLEST_NORMAL ? 100 : -Math.log(right);
      return exact === 0 ? Math.abs(loss[y][i]) : ulpsOff(loss[y][i], exact);
    });
  });

  it.each([0, 1])('the gradient for y = %i is PyTorch’s, with the bound under p (1 - p)', (y) => {
    expectWithin(z, GRADIENT_ULPS, (i) => {
      const slope = p[i] * Math.fround(1 - p[i]);
      const exact = ((p[i] - y) / Math.max(slope, 1e-12)) * slope;
      // Where p is denormal or its square is, a device may take it for 0: 1e-25 next to gradients of 1.
      return Math.abs(exact) > 1e-25 ? ulpsOff(gradient[y][i], exact) : Math.abs(gradient[y][i]) / 1e-25;
    });
  });

  it.each([0, 1])('y = %i is met where p is on its side of 0.5, 0.5 being 1', (y) => {
    expectWithin(z, 0, (i) => (correct[y][i] === (p[i] >= 0.5 === (y === 1) ? 1 : 0) ? 0 : 1));
    expect(p[240_000]).toBe(0.5);
    expect([correct[0][240_000], correct[1][240_000]]).toEqual([0, 1]);
  });

  it('NaN stays NaN, and is no answer of 1, as PyTorch compares', async () => {
    const nans = new Float32Array(Uint32Array.of(0x7fc00000, 0xffc00000, 0x7fffffff).buffer);
    const [p, ...others] = await evaluate([...expressions, 'select(0.0, 1.0, answersOne(x))'], nans);
    const [loss0, loss1, gradient0, gradient1, correct0, correct1, one] = others.map((list) => [...list]);
    for (const list of [[...p], loss0, loss1, gradient0, gradient1])
      expect(list).toEqual(Array(3).fill(Number.NaN));
    expect([correct0, correct1, one]).toEqual([
      [1, 1, 1],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('saturates as PyTorch does', async () => {
    // torch: x = z.sigmoid(); binary_cross_entropy(x, y).backward(), y against the sign of z.
    const [loss0, gradient0] = await evaluate(
      ['bce(x, 0.0).loss', 'bce(x, 0.0).gradient'],
      Float32Array.of(16, 20, 100, 3e38),
    );
    expect(loss0[0]).toBeCloseTo(15.942385, 6); // 1 - p is two units of 2^-24 here
    expect(gradient0[0]).toBeCloseTo(1, 6);
    expect([...loss0.slice(1)]).toEqual([100, 100, 100]); // p is 1
    expect([...gradient0.slice(1)]).toEqual([0, 0, 0]);
    const [loss1, gradient1] = await evaluate(
      ['bce(x, 1.0).loss', 'bce(x, 1.0).gradient'],
      Float32Array.of(-20, -30, -80, -120),
    );
    expect(loss1[0]).toBeCloseTo(20, 5);
    expect(gradient1[0]).toBeCloseTo(-1, 6);
    expect(loss1[1]).toBeCloseTo(30, 5);
    expect(gradient1[1]).toBeCloseTo(-0.0935762, 6); // p is below the bound of 1e-12
    expect(loss1[2]).toBeCloseTo(80, 4);
    expect(Math.abs(gradient1[2])).toBeLessThan(1e-20);
    expect(loss1[3]).toBe(100);
    expect(Math.abs(gradient1[3])).toBeLessThan(1e-25);
  });
});
