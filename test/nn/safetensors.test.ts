// Safetensors files and PyTorch: it computes with the weights that we save, and we with those that it saves.
// fixtures/torch/safetensors.json holds what the package `safetensors` read and wrote.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { openDevice } from '../../src/gpu/open.js';
import * as nn from '../../src/nn/index.js';
import { manualSeed, tensor, zeros } from '../../src/tensor/create.js';
import type { NestedArray } from '../../src/tensor/tensor.js';
import { firstDifference, SUMS } from '../tolerances.js';
import { network, ourFiles } from './safetensors-files.js';

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

  it('refuses what is cut off, no JSON, or of another dtype', async () => {
    const file = await nn.saveSafetensors(state());
    expect(() => nn.loadSafetensors(file.subarray(0, 5))).toThrow(/too few/);
    expect(() => nn.loadSafetensors(file.subarray(0, 40))).toThrow(/header would have/);
    expect(() => nn.loadSafetensors(file.subarray(0, file.length - 4))).toThrow(/no whole safetensors file/);
    const garbled = file.slice();
    garbled[8] = 0x78;
    expect(() => nn.loadSafetensors(garbled)).toThrow(/no JSON/);
    const shapeless = new TextEncoder().encode('12345678{"w":{"dtype":"F32"}}');
    new DataView(shapeless.buffer).setBigUint64(0, BigInt(shapeless.length - 8), true);
    expect(() => nn.loadSafetensors(shapeless)).toThrow(/w has no shape and place in the header/);
    const text = new TextDecoder('latin1').decode(file).replace('"F32"', '"F16"');
    expect(() => nn.loadSafetensors(Uint8Array.from(text, (c) => c.charCodeAt(0)))).toThrow(
      /a\.weight is F16/,
    );
  });
});
