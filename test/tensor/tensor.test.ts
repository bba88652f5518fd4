// Tensors: made from values, over buffers of the caller, printed, and refused by operations.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { add, cast, matmul, mul, slice, transpose } from '../../src/autograd/ops/index.js';
import type { Device } from '../../src/gpu/device.js';
import { BufferUsage } from '../../src/gpu/usage.js';
import { Generator } from '../../src/random/generator.js';
import {
  arange,
  copyToBuffer,
  eye,
  fromBuffer,
  full,
  manualSeed,
  ones,
  rand,
  randint,
  randn,
  randperm,
  tensor,
  zeros,
} from '../../src/tensor/create.js';
import type { NestedArray } from '../../src/tensor/strided-values.js';
import fc from '../properties.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe('tensor', () => {
  it('holds nested lists of any shape and gives them back', async () => {
    const nested = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }).map((shape) => {
      let count = 0;
      const make = (axis: number): NestedArray =>
        axis === shape.length ? count++ : Array.from({ length: shape[axis] }, () => make(axis + 1));
      return { shape, values: make(0) };
    });
    await fc.assert(
      fc.asyncProperty(nested, async ({ shape, values }) => {
        using t = tensor(values);
        expect(t.shape).toEqual(shape);
        expect(await t.toArray()).toEqual(values);
      }),
      { numRuns: 30 },
    );
  });

  it('holds every float32 bit for bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.float32Array({ minLength: 1, maxLength: 40, noNaN: true }), async (values) => {
        using t = tensor(values);
        expect(await t.data()).toEqual(values);
      }),
      { numRuns: 30 },
    );
  });

  it('takes its dtype from the values', () => {
    expect(tensor(3).dtype).toBe('f32');
    expect(tensor([true]).dtype).toBe('bool');
    expect(tensor(new Float64Array(2)).dtype).toBe('f32');
    expect(tensor(new Int8Array(2)).dtype).toBe('i32');
    expect(tensor(new Uint8Array(2)).dtype).toBe('u32');
    expect(tensor([1, 2], { dtype: 'u32' }).dtype).toBe('u32');
    expect(tensor(new Float32Array(6), { shape: [2, 3] }).shape).toEqual([2, 3]);
  });

  it.each([
    ['ragged lists', () => tensor([[1, 2], [3]]), /values\[1\] has 1 elements, not 2/],
    ['numbers where lists are', () => tensor([[1], 2]), /values\[1\] is the number 2, where a list/],
    ['lists where numbers are', () => tensor([1, [2]]), /values\[1\]/],
    ['other things', () => tensor(['a' as never]), /values\[0\] is the text "a"/],
    ['fractions as i32', () => tensor([1.5], { dtype: 'i32' }), /element 0 is 1.5, which is no i32/],
    ['negative u32', () => tensor([-1], { dtype: 'u32' }), /no u32/],
    ['a wrong shape', () => tensor([1, 2, 3], { shape: [2] }), /3 values do not fill the shape \[2\]/],
    ['negative extents', () => zeros([-1]), /\[-1\] is no shape/],
    [
      'what is no list as a shape',
      () => zeros(3 as never),
      /zeros: the shape is the number 3; a shape is a list/,
    ],
    [
      'unknown dtypes',
      () => tensor([1], { dtype: 'f64' as never }),
      /tensor: there is no dtype f64; f32, i32/,
    ],
    ['unknown dtypes', () => cast(ones([1]), 'f16' as never), /cast: there is no dtype f16/],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it('item takes one element only', async () => {
    expect(await tensor([[7]]).item()).toBe(7);
    await expect(ones([2]).item()).rejects.toThrow(/2 elements, shape \[2\]/);
  });

  it('reads views as they look', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const view = slice(transpose(x), 0, 1);
    expect(view.contiguous).toBe(false);
    expect([...(await view.data())]).toEqual([2, 5, 3, 6]);
    const copy = view.clone();
    x.dispose();
    view.dispose();
    expect(await copy.toArray()).toEqual([
      [2, 5],
      [3, 6],
    ]);
  });
});

describe('constructors', () => {
  it('fill', async () => {
    expect(await zeros([2, 2]).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(await ones([2], { dtype: 'bool' }).toArray()).toEqual([true, true]);
    expect(await full([3], -7, { dtype: 'i32' }).toArray()).toEqual([-7, -7, -7]);
    expect(await eye(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(await arange(3).toArray()).toEqual([0, 1, 2]);
    expect(await arange(1, 2, 0.25).toArray()).toEqual([1, 1.25, 1.5, 1.75]);
    expect(await arange(3, 0, -1).toArray()).toEqual([3, 2, 1]);
    expect(arange(3).dtype).toBe('i32');
    expect(() => arange(0, 5, -1)).toThrow(/never ends/);
    expect(await zeros([0, 3]).toArray()).toEqual([]);
  });

  it('draw what the generator draws', async () => {
    const numbers = new Float32Array(20);
    new Generator(9).normal(numbers);
    expect(await randn([4, 5], { generator: new Generator(9) }).data()).toEqual(numbers);
    new Generator(9).uniform(numbers);
    expect(await rand([20], { generator: new Generator(9) }).data()).toEqual(numbers);
    manualSeed(9);
    expect(await rand([20]).data()).toEqual(numbers);
    const drawn = new Int32Array(6);
    new Generator(2).randintFill(drawn, -3, 4);
    expect(await randint(-3, 4, [6], { generator: new Generator(2) }).data()).toEqual(drawn);
    expect([...(await randperm(9, { generator: new Generator(3) }).data())]).toEqual([
      ...new Generator(3).randperm(9),
    ]);
  });
});

describe('buffers of the caller', () => {
  it('are read and written in place, and stay alive', async () => {
    const buffer = device.gpu.createBuffer({
      size: 16,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
    device.gpu.queue.writeBuffer(buffer, 0, Float32Array.of(1, 2, 3, 4));
    const x = fromBuffer(buffer, [2, 2]);
    const doubled = mul(x, 2);
    copyToBuffer(doubled, buffer);
    x.dispose();
    const again = fromBuffer(buffer, [4]);
    expect(await again.toArray()).toEqual([2, 4, 6, 8]);
    expect(() => fromBuffer(buffer, [5])).toThrow(/takes 20 bytes; the buffer has 16/);
    expect(() => copyToBuffer(transpose(doubled), buffer)).toThrow(/strided view/);
    buffer.destroy();
  });

  it('are refused at once where the device would refuse them later', () => {
    const readable = device.gpu.createBuffer({ size: 16, usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC });
    const writable = device.gpu.createBuffer({ size: 16, usage: BufferUsage.COPY_DST });
    const x = ones([3]);
    expect(() => fromBuffer(writable, [4])).toThrow(
      /fromBuffer: the buffer's usage is 8; .* STORAGE and COPY_SRC/,
    );
    expect(() => copyToBuffer(x, readable)).toThrow(/copyToBuffer: the buffer's usage is 132; .* COPY_DST/);
    for (const offset of [8, 2, -4, NaN, 0.5, 2 ** 60, '4' as never]) {
      expect(() => copyToBuffer(x, writable, offset)).toThrow(
        /copyToBuffer: 12 bytes from offset .* do not fit a buffer of 16/,
      );
    }
    copyToBuffer(x, writable, 4);
    for (const none of [undefined, null, new ArrayBuffer(16), new Float32Array(4), {}]) {
      expect(() => fromBuffer(none as never, [4])).toThrow(/fromBuffer: got .*; give a GPUBuffer/);
    }
    readable.destroy();
    writable.destroy();
  });
});

describe('printing', () => {
  it('shows shape, dtype and device, and the values once they were read', async () => {
    const x = tensor([
      [1, 0.123456],
      [-2, 1e-9],
    ]);
    expect(inspect(x)).toMatch(/^Tensor \[2, 2\] f32, on .+$/);
    await x.data();
    expect(inspect(x).split('\n').slice(1).join('\n')).toBe('[[1, 0.1235],\n [-2, 1.0000e-9]]');
    const long = arange(100);
    await long.data();
    expect(String(long).split('\n')[1]).toBe('[0, 1, 2, …, 97, 98, 99]');
    const w = ones([2], { requiresGrad: true });
    expect(inspect(w)).toContain('requires grad');
    expect(inspect(add(w, 1))).toContain('made by add');
    w.dispose();
    expect(inspect(w)).toBe('Tensor [2] f32, disposed');
  });
});

describe('errors of operations', () => {
  it.each([
    [
      'add',
      () => add(ones([2]), ones([2], { dtype: 'i32' })),
      /^add: got f32 \[2\] and i32 \[2\]; their dtypes/,
    ],
    ['mul', () => mul(ones([2], { dtype: 'bool' }), 2), /^mul: got bool \[2\] and 2; it takes f32, i32, u32/],
    [
      'matmul',
      () => matmul(ones([2, 3]), ones([2, 3])),
      /^matmul: got f32 \[2, 3\] and f32 \[2, 3\]; \[..., m, k\]/,
    ],
    [
      'numbers that the dtype cannot hold',
      () => add(ones([2], { dtype: 'i32' }), 0.5),
      /^add: got i32 \[2\] and 0.5; 0.5 is no i32: cast\(tensor, 'f32'\) converts/,
    ],
    ['two numbers', () => add(1, 2), /^add: got 1 and 2; at least one has to be a tensor/],
    ['no tensor', () => add(null as never, ones([1])), /^add: operand 0 is null; a tensor fits/],
  ])('%s: name the operation, shapes and dtypes, and what fits', (_, run, message) => {
    expect(run).toThrow(message);
  });

  it('tensors of two devices are refused', async () => {
    using other = await openDevice();
    const [a, b] = [ones([2]), ones([2], { device: other })];
    expect(() => add(a, b)).toThrow(/different devices/);
  });

  it('a destroyed device says so', async () => {
    const other = await openDevice();
    const a = ones([2], { device: other });
    other.destroy();
    expect(() => add(a, 1)).toThrow(/device was destroyed/);
    await expect(a.data()).rejects.toThrow(/device was destroyed/);
  });
});
