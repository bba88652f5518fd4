// Packed bits against plain arrays of numbers, for every shape; random bits against the generator's integers.
import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/random/generator.js';
import { BitMatrix, BitVector, concatRows, countOnes, positiveRate } from '../../src/tensor/bits.js';
import { packMatrix, packVector } from '../../src/tensor/pack-bits.js';
import { randomizeColumns } from '../../src/tensor/random-bits.js';
import fc from '../properties.js';

const bit = fc.integer({ min: 0, max: 1 });
const matrices = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100 }))
  .chain(([rows, cols]) =>
    fc.array(fc.array(bit, { minLength: cols, maxLength: cols }), { minLength: rows, maxLength: rows }),
  );

const unpack = (x: BitMatrix) =>
  Array.from({ length: x.rows }, (_, row) => Array.from({ length: x.cols }, (_, col) => x.get(row, col)));

describe('packMatrix', () => {
  it('packs rows of numbers, and flat data with its shape, alike', () => {
    fc.assert(
      fc.property(matrices, (rows) => {
        const nested = packMatrix(rows);
        expect(unpack(nested)).toEqual(rows);
        const shape = [rows.length, rows[0].length];
        expect(packMatrix({ data: Float32Array.from(rows.flat()), shape }).words).toEqual(nested.words);
        expect(packMatrix(rows.map((row) => Uint8Array.from(row))).words).toEqual(nested.words);
        expect(packMatrix(nested)).toBe(nested);
      }),
    );
  });

  it('says which entry is wrong', () => {
    expect(() => packMatrix([[0, 1], [0]])).toThrow(/x\[1\] is an array of 1 values/);
    expect(() =>
      packMatrix([
        [0, 1],
        [0.5, 1],
      ]),
    ).toThrow(/x\[1\]\[0\] is 0.5/);
    expect(() => packMatrix({ data: [0, 1, 1, -1], shape: [2, 2] })).toThrow(/x\[1\]\[1\] is -1/);
    expect(() => packMatrix({ data: [0, 1, 1], shape: [2, 2] })).toThrow(/3 values with shape \[2,2\]/);
    expect(() => packMatrix([0, 1])).toThrow(/array of 2 values; it must be two-dimensional/);
  });

  it('refuses packed bits whose words do not fit or whose padding is set', () => {
    expect(() => packMatrix(new BitMatrix(2, 40, new Uint32Array(3)))).toThrow(/3 words.*needs 4/);
    expect(() => packMatrix(new BitMatrix(2, 40, Uint32Array.of(0, 0, 0, 256)))).toThrow(
      /beyond column 39, in row 1/,
    );
  });
});

describe('packVector', () => {
  it('packs numbers, rows of one number and shaped data alike', () => {
    fc.assert(
      fc.property(fc.array(bit, { minLength: 1, maxLength: 200 }), (values) => {
        const vector = packVector(values);
        expect(Array.from(values, (_, i) => vector.get(i))).toEqual(values);
        expect(countOnes(vector.words)).toBe(values.reduce((a, b) => a + b, 0));
        expect(packVector(values.map((value) => [value])).words).toEqual(vector.words);
        expect(packVector({ data: values, shape: [values.length, 1] }).words).toEqual(vector.words);
        expect(packVector(Float64Array.from(values)).words).toEqual(vector.words);
        expect(packVector(vector)).toBe(vector);
      }),
    );
  });

  it('says what is wrong', () => {
    expect(() => packVector([0, 2])).toThrow(/y\[1\] is 2/);
    expect(() => packVector([[0], [0, 1]])).toThrow(/y\[1\] is \[0,1\]/);
    expect(() => packVector([[0, 1]])).toThrow(/shape \[1,2\]/);
    expect(() => packVector(7)).toThrow(/y is 7/);
    expect(() => packVector(new BitVector(3, Uint32Array.of(8)))).toThrow(/beyond its last/);
    expect(() => packVector(new BitVector(33, Uint32Array.of(8)))).toThrow(/1 words for 33 bits/);
  });
});

describe('BitMatrix', () => {
  it('random draws what randint(0, 2) draws, row-major, for every width', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 130 }),
        (seed, rows, cols) => {
          const flat = new Int32Array(rows * cols);
          new Generator(seed).randintFill(flat, 0, 2);
          const generator = new Generator(seed);
          const x = BitMatrix.random(rows, cols, generator);
          expect(packMatrix({ data: flat, shape: [rows, cols] }).words).toEqual(x.words);
          const after = new Generator(seed);
          for (let i = 0; i < rows * cols; i++) after.random32();
          expect(generator.random32()).toBe(after.random32());
        },
      ),
    );
  });

  it('set writes one bit, both ways', () => {
    const x = new BitMatrix(3, 70);
    x.set(1, 69, 1);
    x.set(1, 3, 1);
    x.set(1, 69, 0);
    expect([x.get(1, 69), x.get(1, 3), countOnes(x.words)]).toEqual([0, 1, 1]);
  });

  it('takeRows and concatRows move whole rows', () => {
    fc.assert(
      fc.property(matrices, fc.array(fc.nat(19), { maxLength: 30 }), (rows, wanted) => {
        const x = packMatrix(rows);
        const indices = wanted.map((i) => i % rows.length);
        expect(unpack(x.takeRows(indices))).toEqual(indices.map((i) => rows[i]));
        expect(unpack(concatRows(x, x))).toEqual([...rows, ...rows]);
      }),
    );
  });
});

describe('randomizeColumns', () => {
  it('draws one bit a column and row, and leaves the other columns', () => {
    const columns = Array.from({ length: 40 }, (_, i) => 2 * i);
    const x = new BitMatrix(5, 80);
    for (let row = 0; row < 5; row++) for (let col = 1; col < 80; col += 2) x.set(row, col, 1);
    randomizeColumns(x, columns, new Generator(9));
    const drawn = new Int32Array(5 * 40);
    new Generator(9).randintFill(drawn, 0, 2);
    const expected = Array.from({ length: 5 }, (_, row) =>
      Array.from({ length: 80 }, (_, col) => (col % 2 ? 1 : drawn[row * 40 + col / 2])),
    );
    expect(unpack(x)).toEqual(expected);
  });
});

describe('positiveRate', () => {
  it('is the share of ones among the labels', () => {
    expect(positiveRate({ x: new BitMatrix(5, 1), y: new BitVector(5, Uint32Array.of(0b10110)) })).toBe(0.6);
  });
});
