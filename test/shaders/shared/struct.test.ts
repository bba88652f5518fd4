// Structs that host and shaders share: what the host writes is what WGSL's layout rules say, field by field.
import { describe, expect, it } from 'vitest';
import { Struct } from '../../../shaders/shared/struct.js';
import * as chunk from '../../../shaders/train/chunk.wgsl.js';

const POINT = new Struct('Point', { x: 'f32', turns: 'i32', count: 'u32' });

describe('Struct', () => {
  it('declares its fields in order', () => {
    expect(POINT.wgsl).toBe('struct Point {\n  x: f32,\n  turns: i32,\n  count: u32,\n}');
    expect(POINT.at).toEqual({ x: 0, turns: 1, count: 2 });
    expect(POINT.words).toBe(3);
  });

  it('writes each field in its type, one value behind the other', () => {
    const words = POINT.array([
      { x: 1.5, turns: -2, count: 4_000_000_000 },
      { count: 1, turns: 0, x: -0 },
    ]);
    expect([...words]).toEqual([0x3fc00000, 0xfffffffe, 4_000_000_000, 0x80000000, 0, 1]);
  });

  it('reads what it wrote', () => {
    const values = [
      { x: 0.25, turns: 7, count: 9 },
      { x: Number.NaN, turns: -(2 ** 31), count: 2 ** 32 - 1 },
    ];
    expect(POINT.values(POINT.array(values).buffer)).toEqual(values);
  });
});

it('the chunk’s structs have names of their own', () => {
  const structs = Object.values(chunk).filter((value) => value instanceof Struct);
  expect(structs.map(({ name }) => name).sort()).toEqual([
    'Hyper',
    'Position',
    'Record',
    'Source',
    'Step',
    'Window',
  ]);
});
