// Examples and labels give the same bits in every form that callers may pass. Packed ones are not copied.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { RunAcceptor } from '../../src/lockstep/accept-run.js';
import { checkOptions } from '../../src/lockstep/options.js';
import type { LockstepDataset } from '../../src/lockstep/types.js';
import { BitMatrix, BitVector, concatRows, positiveRate } from '../../src/tensor/bits.js';
import { tensor } from '../../src/tensor/create.js';
import { packMatrix, packVector } from '../../src/tensor/pack-bits.js';
import { parity, truthTable } from '../../src/tensor/parity.js';
import { bitsOf, outcomes, randomDataset, randomWeights } from './outcomes.js';

let device: Device;
let expected: unknown;
beforeAll(async () => {
  device = await openDevice();
  expected = await bits(packed);
});
afterAll(() => device.destroy());

const [ROWS, FEATURES] = [70, 40];
const options = {
  features: FEATURES,
  hidden: 32,
  batchSize: 16,
  maxSteps: 12,
  logInterval: 4,
  keepWeights: true,
};
const packed = randomDataset(ROWS, FEATURES, 1);
const rows = Array.from({ length: ROWS }, (_, r) =>
  Array.from({ length: FEATURES }, (_v, c) => packed.x.get(r, c)),
);
const labels = Array.from({ length: ROWS }, (_, r) => packed.y.get(r));
const bits = (dataset: LockstepDataset) => {
  const run = { weights: randomWeights(FEATURES, 32, 2), dataset, testSet: dataset, orderSeed: 3 };
  return outcomes(device, { ...options, runs: [run] }).then(({ runs }) => bitsOf(runs[0]));
};

/** A view in the middle of other bytes, as what a reader of files hands out. */
function offset(values: number[]): Uint8Array {
  const whole = new Uint8Array(values.length + 8).fill(7);
  whole.set(values, 3);
  return whole.subarray(3, 3 + values.length);
}

function shared(values: number[]): Uint32Array {
  const view = new Uint32Array(new SharedArrayBuffer(4 * values.length));
  view.set(values);
  return view;
}

/** Packed words in shared memory, which WebGPU does not take. */
const sharedWords = (words: Uint32Array) => shared([...words]);

describe('a dataset trains to the same bits', () => {
  const flat = rows.flat();
  const FORMS: Record<string, () => LockstepDataset | Promise<LockstepDataset>> = {
    'as rows of numbers': () => ({ x: rows, y: labels }),
    'as rows of typed arrays, labels in a column': () => ({
      x: rows.map((row) => Uint8Array.from(row)),
      y: labels.map((label) => [label]),
    }),
    'as numbers row by row': () => ({ x: flat, y: labels }),
    'as booleans': () => ({
      x: rows.map((row) => row.map((bit) => bit === 1)),
      y: labels.map((bit) => bit === 1),
    }),
    'as a Float32Array and a Uint8Array': () => ({ x: Float32Array.from(flat), y: Uint8Array.from(labels) }),
    'as a Float64Array and an Int32Array': () => ({ x: Float64Array.from(flat), y: Int32Array.from(labels) }),
    // The form that once was read as words of bits.
    'as Uint32Arrays of an element a bit': () => ({ x: Uint32Array.from(flat), y: Uint32Array.from(labels) }),
    'as data with a shape': () => ({
      x: { data: flat, shape: [ROWS, FEATURES] },
      y: { data: labels, shape: [ROWS, 1] },
    }),
    'as Buffers and views into other bytes': () => ({ x: offset(flat), y: Buffer.from(labels) }),
    'in shared memory': () => ({ x: shared(flat), y: shared(labels) }),
    'as the data of tensors': async () => ({ x: await tensor(rows).data(), y: await tensor(labels).data() }),
    'as lists of tensors': async () => ({
      x: (await tensor(rows).toArray()) as number[][],
      y: (await tensor(labels.map((bit) => bit === 1)).toArray()) as boolean[],
    }),
    'packed by packMatrix and packVector': () => ({ x: packMatrix(rows), y: packVector(labels) }),
    'packed, in shared memory': () => ({
      x: new BitMatrix(ROWS, FEATURES, sharedWords(packed.x.words)),
      y: new BitVector(ROWS, sharedWords(packed.y.words)),
    }),
    'rows packed, labels plain': () => ({ x: packed.x, y: labels }),
  };

  it.each(Object.entries(FORMS))('%s', async (_, make) => {
    expect(await bits(await make())).toEqual(expected);
  });

  it('whatever object names it, and packed once for all runs that do', () => {
    const settings = checkOptions({ ...options, runs: [] });
    const acceptor = new RunAcceptor(settings);
    const run = { weights: randomWeights(FEATURES, 32, 2), orderSeed: 3 };
    const plain = { x: rows, y: labels };
    const [first, second] = [0, 1].map((k) => acceptor.accept({ ...run, dataset: plain, testSet: plain }, k));
    expect(second.dataset).toBe(first.dataset);
    expect(first.testSet).toBe(first.dataset);
    // Twelve million rows are not copied.
    const { dataset } = acceptor.accept({ ...run, dataset: packed }, 2);
    expect([dataset.x, dataset.y]).toEqual([packed.x, packed.y]);
    expect(dataset.x.words).toBe(packed.x.words);
    expect(dataset.y.words).toBe(packed.y.words);
  });

  it('with the optimizer left out, which is PyTorch’s AdamW', async () => {
    const run = { weights: randomWeights(FEATURES, 32, 2), dataset: packed, orderSeed: 3 };
    const optimizer = { lr: 1e-3, betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.01 };
    const { runs } = await outcomes(device, {
      ...options,
      runs: [run, { ...run, optimizer: {} }, { ...run, optimizer }],
    });
    expect(bitsOf(runs[0])).toEqual(bitsOf(runs[2]));
    expect(bitsOf(runs[1])).toEqual(bitsOf(runs[2]));
  });
});

describe('packed bits refuse what would be read as something else', () => {
  const x = new BitMatrix(3, 40);
  const y = new BitVector(40);
  it.each<[string, () => unknown]>([
    ['BitMatrix: rows is -1', () => new BitMatrix(-1, 3)],
    ['BitMatrix: cols is NaN', () => new BitMatrix(1, Number.NaN)],
    ['BitMatrix: 5 words for 3 rows of 40 bits; it needs 6', () => new BitMatrix(3, 40, new Uint32Array(5))],
    ['BitMatrix: words is an array', () => new BitMatrix(1, 1, [1] as never)],
    ['BitVector: length is the text "3"', () => new BitVector('3' as never)],
    ['BitVector: 1 words for 40 bits; it needs 2', () => new BitVector(40, new Uint32Array(1))],
    ['there is no row 3, column 0; it has 3 rows of 40', () => x.get(3, 0)],
    ['there is no row 0, column 40', () => x.get(0, 40)],
    ['there is no row 0.5, column 1', () => x.set(0.5, 1, 1)],
    ['the value of row 0, column 1 is 2; it must be 0 or 1', () => x.set(0, 1, 2)],
    ['there is no element 40; it has 40', () => y.get(40)],
    ['the value of element 3 is NaN', () => y.set(3, Number.NaN)],
    ['BitMatrix.takeRows: there is no row 7', () => x.takeRows([0, 7])],
    ['concatRows: matrix 1 has 39 columns; it must have 40', () => concatRows(x, new BitMatrix(1, 39))],
    ['concatRows: got no matrix', () => concatRows()],
    ['positiveRate: y is an object (Uint32Array)', () => positiveRate({ x, y: new Uint32Array(1) as never })],
    ['parity: column 40 is not one of the 40', () => parity(x, [0, 40])],
    ['parity: column 3 is named twice', () => parity(x, [3, 3])],
    ['parity: the columns are the number 3', () => parity(x, 3 as never)],
    ['truthTable: column 8 is not one of the 8', () => truthTable([1, 8], 8)],
  ])('%s', (message, make) => {
    expect(make).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(message) }),
    );
  });

  it('and parity takes plain rows as well', () => {
    expect(parity(rows, [1, 33])).toEqual(parity(packed.x, [1, 33]));
  });
});
