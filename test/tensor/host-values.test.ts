// What a program holds (typed arrays of every kind in any memory, lists of anything) becomes a tensor of just those values
// or is refused by name: never wrapped, dropped, or read as other bits.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { copy_, runKernel } from '../../src/index.js';
import { LockstepError } from '../../src/platform/errors.js';
import { Generator } from '../../src/random/generator.js';
import { arange, eye, full, ones, randn, tensor, zeros } from '../../src/tensor/create.js';
import type { DType } from '../../src/tensor/dtype.js';
import { hostValues, type TypedArray, valuesOf } from '../../src/tensor/host-values.js';
import { ARRAY_CARRIERS, transferred } from '../carriers.js';
import fc from '../properties.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const KINDS = {
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
};
const BIG_KINDS = { BigInt64Array, BigUint64Array };
const NATURAL: Record<string, DType> = {
  ...{ Float32Array: 'f32', Float64Array: 'f32', Int8Array: 'i32', Int16Array: 'i32', Int32Array: 'i32' },
  ...{ Uint8Array: 'u32', Uint8ClampedArray: 'u32', Uint16Array: 'u32', Uint32Array: 'u32' },
  ...{ BigInt64Array: 'i32', BigUint64Array: 'u32' },
};
const DTYPES: DType[] = ['f32', 'i32', 'u32', 'bool'];

/** The element that a value has to become, or undefined where the dtype has none; written apart from the library. */
function wanted(dtype: DType, value: number | bigint | boolean): number | undefined {
  if (typeof value === 'bigint' && (value > 2n ** 53n - 1n || value < -(2n ** 53n - 1n))) return undefined;
  const number = Number(value);
  if (dtype === 'bool') return number === 0 ? 0 : 1;
  if (dtype === 'f32') {
    const rounded = new Float32Array([number])[0];
    return Number.isFinite(number) && !Number.isFinite(rounded) ? undefined : rounded;
  }
  const [low, high] = dtype === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return Number.isInteger(number) && number >= low && number <= high ? number + 0 : undefined;
}

/** Values at the edges of every dtype, and any others. */
const numbers = fc.oneof(
  fc.double(),
  fc.integer({ min: -40000, max: 70000 }),
  fc.constantFrom(0, -0, 0.5, NaN, Infinity, -Infinity, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, -1, 3.4028234e38, 3.4028236e38, -1e39, 1e-46, 2 ** 24 + 1, 2 ** 53),
);

describe('typed arrays', () => {
  it('of every kind, in any memory, give their values in every dtype, or are refused', () => {
    const arrays = fc.oneof(
      fc
        .tuple(fc.constantFrom(...Object.values(KINDS)), fc.array(numbers))
        .map(([Kind, list]) => new Kind(list)),
      fc
        .tuple(
          fc.constantFrom(...Object.values(BIG_KINDS)),
          fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n })),
        )
        .map(([Kind, list]) => new Kind(list)),
    );
    fc.assert(
      fc.property(
        arrays,
        fc.constantFrom(...DTYPES),
        fc.constantFrom(...Object.values(ARRAY_CARRIERS)),
        (plain, dtype, carry) => {
          const array = carry<ArrayBufferView>(plain) as TypedArray;
          const expected = Array.from(plain as ArrayLike<number | bigint>, (value) => wanted(dtype, value));
          expect(valuesOf('f', array)).toMatchObject({
            shape: [plain.length],
            dtype: NATURAL[plain.constructor.name],
          });
          const bad = expected.indexOf(undefined);
          if (bad < 0) expect([...hostValues('f', array, dtype)]).toEqual(expected);
          else
            expect(() => hostValues('f', array, dtype)).toThrow(
              new RegExp(`^f: element ${bad} is .*${dtype}`),
            );
        },
      ),
      { numRuns: 400 },
    );
  });

  it.each(Object.entries(ARRAY_CARRIERS))('%s reach the device as they are', async (_, carry) => {
    for (const array of [
      Float32Array.of(1.5, -2, 1e30),
      Int32Array.of(-7, 2 ** 31 - 1, 0),
      Uint32Array.of(3, 2 ** 32 - 1, 9),
    ]) {
      const dtype = NATURAL[array.constructor.name];
      const made = tensor(carry(array));
      expect(await made.data()).toEqual(array);
      const target = zeros([3], { dtype });
      expect(await copy_(target, carry(array)).data()).toEqual(array);
      device.commands.write(target.storage.buffer, 0, carry(array.slice().reverse()));
      expect(await target.data()).toEqual(array.slice().reverse());
    }
  });

  it('of float16 become f32', () => {
    const { Float16Array } = globalThis as { Float16Array?: new (values: number[]) => TypedArray };
    const half = Float16Array
      ? new Float16Array([1.5, -65504])
      : Object.assign(Object.create(null), { 0: 1.5, 1: -65504, length: 2 }); // read by its elements either way
    expect([...hostValues('f', half, 'f32')]).toEqual([1.5, -65504]);
    if (Float16Array) expect(valuesOf('f', half).dtype).toBe('f32');
  });

  it('whose memory is gone are refused: they read as empty', () => {
    for (const Kind of [...Object.values(KINDS), ...Object.values(BIG_KINDS)]) {
      expect(() => tensor(transferred(new Kind(4)))).toThrow(/^tensor: the memory of this .*Array is gone/);
    }
    const target = zeros([0]);
    expect(() => copy_(target, transferred(new Float32Array(4)))).toThrow(/copy_: the memory .* is gone/);
    expect(() => new Generator(1).uniform(transferred(new Float32Array(4)))).toThrow(
      /uniform: the memory .* is gone/,
    );
  });
});

describe('copy_', () => {
  it('converts values of the host as tensor() does; it never copies bits of another kind', async () => {
    for (const array of [
      Int32Array.of(1, -2),
      Float64Array.of(1, -2),
      BigInt64Array.of(1n, -2n),
      Int8Array.of(1, -2),
      [1, -2],
    ]) {
      const target = zeros([3]);
      const middle = zeros([2]);
      expect([...(await copy_(middle, array).data())]).toEqual([1, -2]);
      expect(() => copy_(target, array)).toThrow(/copy_: got f32 \[3\] and 2/);
      expect([...(await copy_(zeros([2], { dtype: 'i32' }), array).data())]).toEqual([1, -2]);
      expect(() => copy_(zeros([2], { dtype: 'u32' }), array)).toThrow(/copy_: element 1 is .*no u32/);
    }
    expect(await copy_(zeros([2, 1]), [[3], [4]]).toArray()).toEqual([[3], [4]]);
    expect(() => copy_(zeros([2, 1]), [[3, 4]])).toThrow(/nested lists \[1, 2\] have to have its shape/);
    expect(() => copy_(zeros([8]), new DataView(new ArrayBuffer(8)) as never)).toThrow(
      /copy_: values is an object \(DataView\)/,
    );
  });
});

describe('lists', () => {
  it('give their values in every dtype, or are refused by the first that does not fit', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(numbers, fc.boolean())), fc.constantFrom(...DTYPES), (list, dtype) => {
        const expected = list.map((value) => wanted(dtype, value));
        const bad = expected.indexOf(undefined);
        const { flat, shape, dtype: own } = valuesOf('f', list);
        expect(shape).toEqual([list.length]);
        // As PyTorch: false and true among numbers are numbers.
        expect(own).toBe(
          list.length > 0 && list.every((value) => typeof value === 'boolean') ? 'bool' : 'f32',
        );
        if (bad < 0) expect([...hostValues('f', flat, dtype)]).toEqual(expected);
        else expect(() => hostValues('f', flat, dtype)).toThrow(new RegExp(`^f: element ${bad} is `));
      }),
      { numRuns: 200 },
    );
  });

  const endless: unknown[] = [];
  endless[0] = endless;
  // biome-ignore lint/suspicious/noSparseArray: it is what is refused
  const holed = [1, , 3];
  it.each<[string, unknown, RegExp]>([
    ['a hole', holed, /values\[1\] is undefined, where a number/],
    [
      'a hole among lists',
      Object.assign([[1], [2]], { length: 3 }),
      /values\[2\] is undefined, where a list of 1/,
    ],
    ['undefined', undefined, /values is undefined/],
    ['null', [1, null], /values\[1\] is null/],
    ['a text', ['1'], /values\[0\] is the text "1"/],
    ['a BigInt', [1, 2n], /values\[1\] is the BigInt 2n, .*Number\(value\) converts/],
    ['a list too long', [[1], [2, 3]], /values\[1\] has 2 elements, not 1/],
    ['a list for a number', [1, [2]], /values\[1\] has 1 elements, where its neighbours are numbers/],
    ['a list for an empty one', [[], [1]], /values\[1\] has 1 elements, not 0/],
    [
      'typed arrays in a list',
      [new Float32Array(2)],
      /values\[0\] is an object \(Float32Array\), .*its shape/,
    ],
    ['a list that holds itself', endless, /more than 64 deep/],
    ['an ArrayBuffer', new ArrayBuffer(8), /values is an object \(ArrayBuffer\), .*typed array over it/],
    [
      'a DataView',
      new DataView(new ArrayBuffer(8)),
      /values is an object \(DataView\), .*typed array over it/,
    ],
    ['a list-like object', { length: 1, 0: 1 }, /values is an object, where a number/],
    ['a symbol', [Symbol('x')], /values\[0\] is a symbol/],
  ])('with %s are refused', (_, values, message) => {
    expect(() => tensor(values as never)).toThrow(message);
    expect(() => tensor(values as never)).toThrow(LockstepError);
  });

  it('mixed of booleans and numbers are numbers, in any order', async () => {
    expect(await tensor([true, 2.5]).toArray()).toEqual([1, 2.5]);
    expect(await tensor([2.5, true]).toArray()).toEqual([2.5, 1]);
    expect(tensor([[true], [false]]).dtype).toBe('bool');
  });
});

describe('shapes', () => {
  it.each<[string, unknown, RegExp]>([
    ['negative extents', [-1, -2], /\[-1, -2\] is no shape/],
    ['fractions', [1.5, 2], /\[1.5, 2\] is no shape/],
    ['NaN', [NaN], /\[NaN\] is no shape/],
    ['texts', ['2'], /\[2\] is no shape/],
    ['BigInts', [2n], /\[2\] is no shape/],
    ['holes', new Array(2), /\[undefined, undefined\] is no shape/],
    ['a typed array', Uint32Array.of(2), /the shape is an object \(Uint32Array\); a shape is a list/],
    ['a number', 2, /the shape is the number 2; a shape is a list, as \[2, 3\]/],
    ['escapes', ['\u001b[31m'], /\[\\u001b\[31m\] is no shape/],
    ['products beyond 2^53', [2 ** 30, 2 ** 30], /is no shape; its strides/],
    ['products beyond 2^53 beside a 0', [2 ** 40, 2 ** 40, 0], /is no shape; its strides/],
  ])('of %s are refused', (_, shape, message) => {
    for (const make of [zeros, ones, randn]) expect(() => make(shape as never)).toThrow(message);
    expect(() => tensor([], { shape: shape as never })).toThrow(message);
    expect(() => full(shape as never, 1)).toThrow(message);
  });

  it('too large for the device are refused before memory of the host is asked for', () => {
    for (const make of [() => zeros([2 ** 20, 2 ** 20]), () => randn([2 ** 40]), () => eye(2 ** 20)]) {
      expect(make).toThrow(/takes \d+ bytes; this device has room for \d+/);
    }
  });
});

describe('constants', () => {
  it.each([undefined, null, '1', {}, [1]])('full refuses %s', (value) => {
    expect(() => full([2], value as never)).toThrow(/^full: element 0 is /);
  });

  it('full takes true and false, and what the dtype holds', async () => {
    expect(await full([2], true).toArray()).toEqual([true, true]);
    expect(await full([1], NaN).toArray()).toEqual([NaN]);
    expect(() => full([1], NaN, { dtype: 'i32' })).toThrow(/element 0 is NaN, which is no i32/);
    expect(() => full([1], 1e39)).toThrow(/element 0 is 1e\+39, which is beyond the largest f32/);
    expect(() => arange(2 ** 31, 2 ** 31 + 2)).toThrow(/arange: element 0 is 2147483648, which is no i32/);
  });
});

describe('a kernel’s params', () => {
  const code = `
    @group(0) @binding(0) var<uniform> p: vec4f;
    @group(0) @binding(1) var<storage, read> x: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(1) fn main() { y[0] = x[0] * p.x + p.w; }`;
  const call = (params: unknown) =>
    runKernel({
      label: 'line',
      code,
      inputs: [tensor([2])],
      params: params as never,
      output: { shape: [1] },
      workgroups: [1],
    });

  it.each(Object.entries(ARRAY_CARRIERS))('%s are taken as they are', async (_, carry) => {
    const floats = Float32Array.of(1.5, 0, 0, 0.25);
    expect(await call(carry(floats)).item()).toBe(3.25);
    expect(await call(carry(new Uint32Array(floats.buffer))).item()).toBe(3.25);
    expect(await call(carry(new Int32Array(floats.buffer))).item()).toBe(3.25);
  });

  it.each([[[1, 2, 3, 4]], [new Float64Array(4)], [new ArrayBuffer(16)], [new Uint8Array(16)]])(
    'are refused as %s',
    (params) => {
      expect(() => call(params)).toThrow(
        /^line: params: got .*; give a Uint32Array or Int32Array or Float32Array/,
      );
    },
  );

  it('are refused where a uniform cannot hold them', () => {
    expect(() => call(new Uint32Array(20000))).toThrow(/20000 words; a uniform holds 16384/);
  });
});

describe('a generator', () => {
  it.each([[[0, 0]], [new Float64Array(17)], [new Uint8Array(17)], [{ length: 3 }]])(
    'refuses to fill %s',
    (out) => {
      const generator = new Generator(1);
      for (const fill of ['uniform', 'normal'] as const) {
        expect(() => generator[fill](out as never)).toThrow(/^Generator\.\w+: got .*give a Float32Array/);
      }
      expect(() => generator.randintFill(out as never, 0, 2)).toThrow(/^Generator\.randintFill: got/);
    },
  );
});
