// Safetensors files and PyTorch: it computes with the weights that we save, and we with those that it saves.
// fixtures/torch/safetensors.json holds what the package `safetensors` read and wrote.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { expand, slice, transpose } from '../../src/autograd/ops/index.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import { LockstepError } from '../../src/platform/errors.js';
import { manualSeed, tensor, zeros } from '../../src/tensor/create.js';
import type { NestedArray } from '../../src/tensor/strided-values.js';
import { BYTE_CARRIERS } from '../carriers.js';
import { EXACT, firstDifference, SUMS } from '../tolerances.js';
import { network, ourFiles } from './safetensors-files.js';
import { fileOf } from './safetensors-mutations.js';
import { numbersOf, strictRead } from './strict-reader.js';

interface Described {
  dtype: 'float32' | 'int32' | 'uint32' | 'bool';
  shape: number[];
  values: (number | boolean)[];
}
interface Recorded {
  model: string;
  mixed: string;
  /** PyTorch's network on x, with the model file's weights. */
  output: number[][];
  /** What NumPy has of the mixed file. */
  tensors: Record<string, Described>;
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/torch/safetensors.json', import.meta.url), 'utf8'),
) as { x: NestedArray; ours: Recorded & { metadata: object }; theirs: Recorded };

const DTYPES = { float32: 'f32', int32: 'i32', uint32: 'u32', bool: 'bool' };
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

/** The entry of a float in the first four bytes, and a header of one entry. */
const WORD = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
const WORDS = (dtype: string, shape: string, place: string) =>
  `{"w":{"dtype":${dtype},"shape":${shape},"data_offsets":${place}}}`;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

async function expectSame(file: Uint8Array, expected: Record<string, Described>): Promise<void> {
  const loaded = nn.loadSafetensors(file);
  expect(Object.keys(loaded).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, { dtype, shape, values }] of Object.entries(expected)) {
    expect({ dtype: loaded[name].dtype, shape: loaded[name].shape }).toEqual({ dtype: DTYPES[dtype], shape });
    expect([...(await loaded[name].data())]).toEqual(values.map(Number));
  }
}

describe('files of ours', () => {
  it('are, byte for byte, those that PyTorch and NumPy have read', async () => {
    const { model, mixed } = await ourFiles();
    expect(model).toBe(fixture.ours.model);
    expect(mixed).toBe(fixture.ours.mixed);
  });

  it('gave PyTorch the network’s own output, and NumPy the tensors', async () => {
    manualSeed(7); // as ourFiles()
    const output = await network().forward(tensor(fixture.x)).data();
    expect(firstDifference(output, fixture.ours.output.flat(), SUMS)).toBeUndefined();
    await expectSame(bytes(fixture.ours.mixed), fixture.ours.tensors);
    expect(fixture.ours.metadata).toEqual({ made: 'by lockstep-gpu' });
  });
});

describe('files of Python', () => {
  it('give the network PyTorch’s output', async () => {
    const model = network();
    model.loadStateDict(nn.loadSafetensors(bytes(fixture.theirs.model)));
    const output = await model.forward(tensor(fixture.x)).data();
    expect(firstDifference(output, fixture.theirs.output.flat(), SUMS)).toBeUndefined();
  });

  it('give every dtype, scalars, nothing, and names that are no ASCII', async () => {
    expect(Object.keys(fixture.theirs.tensors)).toHaveLength(7);
    await expectSame(bytes(fixture.theirs.mixed), fixture.theirs.tensors);
  });
});

describe('the format', () => {
  const state = () => ({
    'a.weight': tensor([[1.5, -2, 3]]),
    index: tensor([1, -2], { dtype: 'i32' }),
    mask: tensor([true, false, true]),
    scalar: tensor(4),
    empty: zeros([0, 3]),
  });

  it('reads what it wrote', async () => {
    const file = await nn.saveSafetensors(state(), { made: 'here' });
    const loaded = nn.loadSafetensors(file);
    for (const [name, each] of Object.entries(state())) {
      expect(loaded[name].dtype).toBe(each.dtype);
      expect(loaded[name].shape).toEqual(each.shape);
      expect(await loaded[name].toArray()).toEqual(await each.toArray());
    }
    expect(Object.keys(loaded)).toHaveLength(5);
  });

  it('writes the format byte by byte', async () => {
    const file = await nn.saveSafetensors({ w: tensor([[1, 2]]) });
    const view = new DataView(file.buffer);
    const length = Number(view.getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(new TextDecoder().decode(file.subarray(8, 8 + length)).trimEnd()).toBe(
      '{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}',
    );
    expect([view.getFloat32(8 + length, true), view.getFloat32(12 + length, true)]).toEqual([1, 2]);
    expect(file.length).toBe(8 + length + 8);
  });

  it.each(Object.entries(BYTE_CARRIERS))('is read from %s', async (_, carry) => {
    const file = await nn.saveSafetensors(state(), { made: 'here' });
    const held = await carry(file);
    const loaded = nn.loadSafetensors(held);
    for (const [name, each] of Object.entries(state())) {
      expect(await loaded[name].toArray()).toEqual(await each.toArray());
    }
    expect(nn.readSafetensorsHeader(held).metadata).toEqual({ made: 'here' });
  });

  it('says what a file holds, of dtypes too that have no tensor here', async () => {
    const file = await nn.saveSafetensors(state(), { made: 'here', __proto__x: 'ü\n' });
    const { metadata, tensors } = nn.readSafetensorsHeader(file);
    expect(metadata).toEqual({ made: 'here', __proto__x: 'ü\n' });
    expect(tensors['a.weight']).toEqual({ dtype: 'F32', shape: [1, 3] });
    expect(tensors.empty).toEqual({ dtype: 'F32', shape: [0, 3] });
    expect(nn.readSafetensorsHeader(await nn.saveSafetensors({})).metadata).toEqual({});
    const eighths = fileOf('{"w":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}', Uint8Array.of(1, 2));
    expect(nn.readSafetensorsHeader(eighths).tensors).toEqual({ w: { dtype: 'F8_E4M3', shape: [2] } });
    expect(() => nn.loadSafetensors(eighths)).toThrow(
      /^loadSafetensors: w is F8_E4M3, .*; F32, F64, .* can be read/,
    );
  });

  it('keeps every bit of a float, NaNs with their payloads too', async () => {
    const words = Uint32Array.of(0x7f800001, 0xffc12345, 0x80000000, 1, 0x7f7fffff);
    const data = new Uint8Array(words.buffer);
    const file = fileOf('{"w":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}', data);
    const saved = await nn.saveSafetensors(nn.loadSafetensors(file));
    expect([...saved.subarray(-20)]).toEqual([...data]);
  });

  it.each<[string, number[], string, number[]]>([
    [
      'F16',
      [0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x8000, 0x7c00, 0xfc00, 0x7e00],
      'f32',
      [1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, -0, Infinity, -Infinity, NaN],
    ],
    ['BF16', [0x3f80, 0xc049, 0x7f80, 0x0001], 'f32', [1, -3.140625, Infinity, 2 ** -133]],
    ['I16', [0xffff, 5], 'i32', [-1, 5]],
    ['U16', [0xffff, 5], 'u32', [65535, 5]],
  ])('reads %s', async (kind, words, dtype, expected) => {
    const data = new Uint8Array(Uint16Array.from(words).buffer);
    const loaded = nn.loadSafetensors(
      fileOf(`{"w":{"dtype":"${kind}","shape":[${words.length}],"data_offsets":[0,${data.length}]}}`, data),
    );
    expect(loaded.w.dtype).toBe(dtype);
    expect([...(await loaded.w.data())]).toEqual(expected);
  });

  it('reads every float16, as floats of a power and a fraction', async () => {
    const words = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const loaded = nn.loadSafetensors(
      fileOf('{"w":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}', new Uint8Array(words.buffer)),
    );
    const expected = Array.from(
      words,
      (bits) => numbersOf('F16', Uint8Array.of(bits & 255, bits >> 8))!.numbers[0],
    );
    expect(firstDifference(await loaded.w.data(), expected, EXACT)).toBeUndefined();
  });

  it.each<[string, BigInt64Array | BigUint64Array | Float64Array | Uint8Array, RegExp]>([
    [
      'I64',
      BigInt64Array.of(1n, 2n ** 31n),
      /^loadSafetensors: w: element 1 is the BigInt 2147483648n, which is no i32/,
    ],
    [
      'U64',
      BigUint64Array.of(2n ** 64n - 1n),
      /w: element 0 is the BigInt 18446744073709551615n, which is no u32/,
    ],
    ['F64', Float64Array.of(0, 1e300), /w: element 1 is 1e\+300, which is beyond the largest f32/],
    ['BOOL', Uint8Array.of(1, 0, 2), /w is BOOL, and its element 2 is the byte 2, not 0 or 1/],
  ])('refuses %s values that have no element here, and keeps nothing', (kind, array, message) => {
    const before = device.memory().buffers;
    const data = Uint8Array.from([0, 0, 128, 63, ...new Uint8Array(array.buffer)]);
    const file = fileOf(
      `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},` +
        `"w":{"dtype":"${kind}","shape":[${array.length}],"data_offsets":[4,${data.length}]}}`,
      data,
    );
    expect(() => nn.loadSafetensors(file)).toThrow(message);
    expect(device.memory().buffers).toBe(before);
  });

  it('takes 64-bit numbers and doubles where they fit, rounded to float32', async () => {
    const data = new Uint8Array([
      ...new Uint8Array(BigInt64Array.of(-5n).buffer),
      ...new Uint8Array(Float64Array.of(0.1).buffer),
    ]);
    const loaded = nn.loadSafetensors(
      fileOf(
        '{"i":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"d":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}',
        data,
      ),
    );
    expect(await loaded.i.toArray()).toBe(-5);
    expect(await loaded.d.toArray()).toEqual([Math.fround(0.1)]);
  });

  it('writes and reads tensors of any name, __proto__ too', async () => {
    const names = ['__proto__', 'constructor', 'toString', '', ' ', '7', 'a\u001b[31m', '層', '😀', '"\\'];
    const state = Object.fromEntries(names.map((name, i) => [name, tensor([i])]));
    const file = await nn.saveSafetensors(state);
    expect([...strictRead(file).tensors.keys()].sort()).toEqual([...names].sort());
    const loaded = nn.loadSafetensors(file);
    expect(Object.keys(loaded).sort()).toEqual([...names].sort());
    expect(Object.getPrototypeOf(loaded)).toBe(Object.prototype);
    for (const [i, name] of names.entries()) {
      const own = Object.getOwnPropertyDescriptor(loaded, name)?.value;
      expect([...(await own.data())]).toEqual([i]);
    }
  });

  it('writes views as they look, and bools as bytes of 0 and 1', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const views = {
      t: transpose(x),
      s: slice(x, 1, 1, 3),
      b: expand(tensor([7]), [2, 2]),
      flag: slice(tensor([true, false, true]), 0, 1),
    };
    const loaded = nn.loadSafetensors(await nn.saveSafetensors(views));
    for (const [name, view] of Object.entries(views)) {
      expect(await loaded[name].toArray()).toEqual(await view.toArray());
    }
  });

  it.each<[string, unknown, unknown, RegExp]>([
    ['a tensor called __metadata__', { __metadata__: null }, undefined, /a tensor is called __metadata__/],
    [
      'a name that is no Unicode',
      { 'x\ud800': null },
      undefined,
      /the name x\\ud800 has half of a surrogate pair/,
    ],
    ['numbers', { x: 3 }, undefined, /^saveSafetensors: x is the number 3, not a tensor\.$/],
    [
      'a typed array',
      { 'a\u0007': new Float32Array(2) },
      undefined,
      /a\\u0007 is an object \(Float32Array\), not a tensor/,
    ],
    [
      'a model',
      'model',
      undefined,
      /got an object \(Sequential\); give tensors by name, as model\.stateDict\(\) does/,
    ],
    ['a map', new Map(), undefined, /got an object \(Map\)/],
    ['a list', [], undefined, /got an array/],
    ['nothing', null, undefined, /got null/],
    [
      'metadata that are numbers',
      {},
      { epoch: 3 },
      /metadata\.epoch is the number 3; only texts fit: String\(value\)/,
    ],
    ['metadata that are undefined', {}, { epoch: undefined }, /metadata\.epoch is undefined/],
    ['a text as metadata', {}, 'x', /metadata is the text "x"/],
    ['metadata that are no Unicode', {}, { k: '\udc00' }, /metadata\.k has half of a surrogate pair/],
  ])('refuses to write %s', async (_, given, metadata, message) => {
    const tensors = given === 'model' ? network() : fill(given);
    await expect(nn.saveSafetensors(tensors as never, metadata as never)).rejects.toThrow(message);
    await expect(nn.saveSafetensors(tensors as never, metadata as never)).rejects.toThrow(LockstepError);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    [
      '5 bytes',
      Uint8Array.of(1, 2, 3, 4, 5),
      /^loadSafetensors: 5 bytes are too few; this is no whole safetensors file\.$/,
    ],
    [
      'a header longer than the file',
      Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0x7b),
      /the header would have 9 bytes, the file has 9/,
    ],
    ['a header of exabytes', new Uint8Array(9).fill(255), /would have 18446744073709551615 bytes/],
    ['an empty header', '', /the header is empty/],
    ['white space before {', ' {}', /begins with byte 32/],
    ['a list', '[]', /begins with byte 91/],
    ['no JSON', '{"w":', /the header is no JSON as the format has it/],
    ['no UTF-8', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff), /the header is no UTF-8/],
    ['the same name twice', `{"a":${WORD},"a":${WORD}}`, /the key "a" stands twice/],
    ['a key of an entry twice', '{"a":{"dtype":"F32","dtype":"F32"}}', /the key "dtype" stands twice/],
    ['no shape', '{"w":{"dtype":"F32"}}', /w has no shape and place in the header/],
    ['no dtype', '{"w":{"shape":[1],"data_offsets":[0,4]}}', /w has no dtype in the header/],
    ['an entry that is a list', '{"w":[]}', /w is \[\] in the header, not an object/],
    [
      'a dtype of Object.prototype',
      WORDS('"toString"', '[1]', '[0,4]'),
      /w has the dtype "toString", which the format does not know/,
    ],
    ['a dtype that is a number', WORDS('32', '[1]', '[0,4]'), /w has the dtype 32/],
    ['a dtype with an escape', WORDS('"\\u001b[2J"', '[1]', '[0,4]'), /w has the dtype "\\u001b\[2J"/],
    [
      'a name with an escape',
      WORDS('"F32"', '[2]', '[0,4]').replace('"w"', '"w\\u009b2J"'),
      /: w\\u009b2J F32 \[2\] has 4 bytes/,
    ],
    [
      'a shape of fractions',
      WORDS('"F32"', '[1.0]', '[0,4]'),
      /w has the shape \[1\], not a list of whole numbers/,
    ],
    ['a negative shape', WORDS('"F32"', '[-1]', '[0,4]'), /w has the shape \[-1\]/],
    [
      'a shape beyond 2^53',
      WORDS('"F32"', '[9007199254740992]', '[0,4]'),
      /w has the shape \[9007199254740992\]/,
    ],
    [
      'a product beyond 2^64',
      WORDS('"F32"', '[4294967296,4294967296,4294967296]', '[0,4]'),
      /\] has 4 bytes by its data_offsets/,
    ],
    [
      'offsets that run backwards',
      WORDS('"F32"', '[0]', '[4,0]'),
      /data_offsets \[4, 0\], not two whole numbers in order/,
    ],
    ['three offsets', WORDS('"F32"', '[1]', '[0,4,4]'), /data_offsets \[0, 4, 4\]/],
    ['too few bytes', WORDS('"F32"', '[1]', '[0,3]'), /w F32 \[1\] has 3 bytes by its data_offsets/],
    ['a hole', WORDS('"F32"', '[0]', '[2,2]'), /w at byte \d+ leaves a hole before it/],
    ['an overlap', `{"a":${WORD},"b":${WORD}}`, /b at byte \d+ overlaps another tensor/],
    ["bytes that are nobody's", '{}', /the values end at byte 10, the file at 14/],
    ['metadata that are a list', '{"__metadata__":[]}', /__metadata__ is \[\], not an object of texts/],
    [
      'metadata that are numbers',
      '{"__metadata__":{"a":1}}',
      /__metadata__ has 1 for "a", where only texts fit/,
    ],
  ])('refuses %s, by name', (_, header, message) => {
    const file = typeof header === 'string' ? fileOf(header, new Uint8Array(4)) : header;
    expect(() => nn.loadSafetensors(file)).toThrow(message);
    expect(() => nn.readSafetensorsHeader(file)).toThrow(LockstepError);
  });

  it('refuses unknown options', async () => {
    const file = await nn.saveSafetensors({});
    expect(() => nn.loadSafetensors(file, { devise: device } as never)).toThrow(
      /unknown option devise; did you mean device/,
    );
  });
});

/** Tensors in place of the nulls, for the device is opened late. */
function fill(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given) || given instanceof Map)
    return given;
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? zeros([1])]));
}
