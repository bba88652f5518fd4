/**
 * Checks the data of a run and lays it out as words for the device: rows of numbers or bits, then targets as the loss needs them,
 * or the parameters of a sampler. pools.ts finds a place for it on the device.
 */
import { FORMATS } from '../../../shaders/network/chunk.wgsl.js';
import { builtInSamplers } from '../../../shaders/network/samplers.wgsl.js';
import type { Loss } from '../../network/losses.js';
import { LOSSES } from '../../network/losses.js';
import type { Network } from '../../network/network.js';
import { isSampler, packSampler, type Sampler } from '../../network/sampler.js';
import { badArgument, checkBoolean, checkObject } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { type BitMatrix, isBitMatrix, isBitVector } from '../../tensor/bits.js';
import { hostValues, valuesOf } from '../../tensor/host-values.js';
import type { Tensor } from '../../tensor/tensor.js';

/** Rows of numbers: `[[0, 1], [2, 3]]`, the numbers row by row in one array, data with a shape, a tensor, or packed bits. */
export type NetworkInputs =
  | BitMatrix
  | Tensor
  | ArrayLike<number>
  | readonly ArrayLike<number>[]
  | { data: ArrayLike<number>; shape: readonly number[] };

/** Examples and their targets. Runs that name the same object share its memory on the device. */
export interface NetworkDataset {
  /** [examples, inputs]. */
  x: NetworkInputs;
  /** For `crossEntropy` class numbers, [examples]; else numbers, [examples, outputs] or, if there is one output, [examples]. */
  y: NetworkInputs | { readonly length: number; readonly words: Uint32Array };
  /** Whether the bits of a BitMatrix mean -1 and 1. Default false: 0 and 1. */
  signs?: boolean;
}

/** A dataset or a sampler in the form that the device takes. */
export interface PackedDataset {
  /** Infinity for a sampler. */
  readonly examples: number;
  /** The rows, then the targets; for a sampler, its parameters. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly rowWords: number;
  readonly rowFormat: number;
  /** Where the targets begin, in words. */
  readonly targetsAt: number;
  readonly targetWords: number;
  readonly targetFormat: number;
  /** If the targets are classes: whether any example has the ignored one, or for a sampler may have it. */
  readonly ignores?: boolean;
  /** The sampler's WGSL; undefined for a dataset. */
  readonly sampler?: string;
}

/** Lays out a dataset by {@link packNetworkDataset}, a sampler by `packSampler`. */
export function packNetworkData(
  where: string,
  data: NetworkDataset | Sampler,
  network: Network,
  loss: Loss,
): PackedDataset {
  checkObject(where, 'the dataset', data, 'a dataset is { x, y }, or one of samplers');
  if (!isSampler(data)) return packNetworkDataset(where, data, network, loss);
  const { wgsl, words } = packSampler(where, data, network, loss);
  const isClass = LOSSES[loss.type].targets === 'class';
  return {
    examples: Number.POSITIVE_INFINITY,
    // A place on the device has at least one word.
    words: words.length > 0 ? words : new Uint32Array(1),
    ...{ rowWords: 0, rowFormat: FORMATS.sampler, targetsAt: 0, targetWords: 0 },
    targetFormat: isClass ? FORMATS.classes : FORMATS.floats,
    // One's own may make any number.
    ignores: isClass ? loss.parameter >= 0 || wgsl !== builtInSamplers : undefined,
    sampler: wgsl,
  };
}

/** Whether only the device knows how many examples count: a sampler may make some of the class that the loss ignores. */
export const countsOnDevice = ({ sampler, ignores = false }: PackedDataset): boolean =>
  sampler !== undefined && ignores;

/** How many of the examples in these rows of a dataset count: all but those of the class that the loss ignores. */
export function countedIn(
  { words, targetsAt, ignores, sampler }: PackedDataset,
  { parameter }: Loss,
  examples: number,
  rowOf: (k: number) => number,
): number {
  if (!ignores || sampler !== undefined) return examples;
  let counted = 0;
  for (let k = 0; k < examples; k++) if ((words[targetsAt + rowOf(k)] | 0) !== parameter) counted++;
  return counted;
}

/**
 * Checks a dataset against the network and the loss that it is for, and lays it out.
 *
 * @throws LockstepError `bad-input` where the numbers of inputs, targets or classes do not fit, and, with row and column, for
 * values that are not finite numbers.
 */
function packNetworkDataset(
  where: string,
  dataset: NetworkDataset,
  { inputs, outputs }: Network,
  loss: Loss,
): PackedDataset {
  checkOptionNames(where, dataset, ['x', 'y', 'signs']);
  const { x, y, signs = false } = dataset;
  checkBoolean(where, 'signs', signs);
  const rows = rowsOf(where, x, inputs, signs);
  if (rows.examples === 0)
    throw new LockstepError('bad-input', `${where}: x has no rows; give one at least.`);
  const isClass = LOSSES[loss.type].targets === 'class';
  const targets = isClass
    ? classesOf(where, y, rows.examples, outputs, loss.parameter)
    : numbersOf(where, y, rows.examples, outputs, 'y');
  if (loss.type === 'bce' || loss.type === 'bceWithLogits') checkShares(where, targets, loss.type);
  const words = new Uint32Array(rows.words.length + targets.length);
  words.set(rows.words);
  words.set(new Uint32Array(targets.buffer, targets.byteOffset, targets.length), rows.words.length);
  return {
    examples: rows.examples,
    words,
    rowWords: rows.rowWords,
    rowFormat: rows.format,
    targetsAt: rows.words.length,
    targetWords: isClass ? 1 : outputs,
    targetFormat: isClass ? FORMATS.classes : FORMATS.floats,
    ignores: isClass ? targets.includes(loss.parameter) : undefined,
  };
}

interface Rows {
  examples: number;
  words: Uint32Array;
  rowWords: number;
  format: number;
}

function rowsOf(where: string, x: unknown, inputs: number, signs: boolean): Rows {
  if (isBitMatrix(x)) {
    if (x.cols !== inputs)
      throw badArgument(where, 'the columns of x', x.cols, `the network has ${inputs} inputs`);
    const format = signs ? FORMATS.signs : FORMATS.bits;
    return { examples: x.rows, words: x.words, rowWords: x.wordsPerRow, format };
  }
  if (signs) throw badArgument(where, 'signs', signs, 'it is for bits: give x as a BitMatrix');
  const { flat, shape } = shapedOf(where, 'x', x);
  if (shape.length > 2) {
    throw new LockstepError(
      'bad-input',
      `${where}: x is [${shape.join(', ')}]; it must be [examples, ${inputs}].`,
    );
  }
  const examples = shape.length === 2 ? shape[0] : flat.length / inputs;
  if (!Number.isInteger(examples) || examples * inputs !== flat.length) {
    const size = `x is [${shape.join(', ')}]`;
    throw new LockstepError(
      'bad-input',
      `${where}: ${size}; the network has ${inputs} inputs, so it must be [examples, ${inputs}].`,
    );
  }
  const values = finite(`${where}: x`, flat, inputs);
  return { examples, words: new Uint32Array(values.buffer), rowWords: inputs, format: FORMATS.floats };
}

/** Numbers [examples, width]; bits count as 0 and 1. */
function numbersOf(where: string, y: unknown, examples: number, width: number, name: string): Float32Array {
  const bits = bitsOf(y);
  const { flat, shape } = bits ?? shapedOf(where, name, y);
  if (flat.length !== examples * width || (shape.length === 2 && shape[0] !== examples)) {
    const fits = width === 1 ? `[${examples}] or [${examples}, 1]` : `[${examples}, ${width}]`;
    throw new LockstepError(
      'bad-input',
      `${where}: ${name} is [${shape.join(', ')}] for ${examples} rows and ${width} outputs; it must be ${fits}.`,
    );
  }
  return finite(`${where}: ${name}`, flat, width);
}

function classesOf(
  where: string,
  y: unknown,
  examples: number,
  classes: number,
  ignored: number,
): Int32Array {
  const numbers = numbersOf(where, y, examples, 1, 'y');
  const bad = numbers.findIndex((c) => c !== ignored && !(Number.isInteger(c) && c >= 0 && c < classes));
  if (bad >= 0) {
    throw new LockstepError(
      'bad-input',
      `${where}: y[${bad}] is ${numbers[bad]}; crossEntropy takes class numbers from 0 to ${classes - 1}.`,
    );
  }
  return Int32Array.from(numbers);
}

function checkShares(where: string, targets: Float32Array | Int32Array, loss: string): void {
  const bad = targets.findIndex((y) => !(y >= 0 && y <= 1));
  if (bad < 0) return;
  throw new LockstepError(
    'bad-input',
    `${where}: y[${bad}] is ${targets[bad]}; ${loss} takes targets from 0 to 1.`,
  );
}

function bitsOf(y: unknown): { flat: number[]; shape: number[] } | undefined {
  if (isBitVector(y)) {
    const flat = Array.from({ length: y.length }, (_, k) => y.get(k));
    return { flat, shape: [y.length] };
  }
  if (!isBitMatrix(y)) return undefined;
  const { rows, cols } = y;
  const flat = Array.from({ length: rows * cols }, (_, k) => y.get(Math.floor(k / cols), k % cols));
  return { flat, shape: [rows, cols] };
}

function shapedOf(
  where: string,
  name: string,
  values: unknown,
): { flat: ArrayLike<unknown>; shape: readonly number[] } {
  const given = values as { data?: unknown; shape?: unknown } | null | undefined;
  if (given === null || given === undefined) {
    throw badArgument(where, name, values, 'rows of numbers fit, as [[0, 1], [1, 0]]');
  }
  if (typeof given === 'object' && 'data' in given && 'shape' in given) {
    const { flat } = valuesOf(`${where}: ${name}`, given.data);
    const shape = given.shape as readonly number[];
    if (!Array.isArray(shape) || shape.reduce((a, b) => a * b, 1) !== flat.length) {
      throw badArgument(where, `the shape of ${name}`, shape, `its data has ${flat.length} numbers`);
    }
    return { flat, shape };
  }
  const rows = values as ArrayLike<unknown>;
  // A list of typed arrays, one for each row.
  if (Array.isArray(values) && values.length > 0 && ArrayBuffer.isView(values[0])) {
    const parts = Array.from(rows, (row, r) => {
      const here = `${where}: ${name}[${r}]`;
      return hostValues(here, valuesOf(here, row).flat, 'f32');
    });
    const width = parts[0].length;
    const ragged = parts.findIndex((part) => part.length !== width);
    if (ragged >= 0) {
      throw badArgument(
        where,
        `the length of ${name}[${ragged}]`,
        parts[ragged].length,
        `the first row has ${width} numbers`,
      );
    }
    const flat = new Float32Array(parts.length * width);
    parts.forEach((part, r) => {
      flat.set(part, r * width);
    });
    return { flat, shape: [parts.length, width] };
  }
  return valuesOf(`${where}: ${name}`, values);
}

function finite(where: string, flat: ArrayLike<unknown>, width: number): Float32Array<ArrayBuffer> {
  const values = hostValues(where, flat, 'f32') as Float32Array<ArrayBuffer>;
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values;
  const place = `row ${Math.floor(bad / width)}, column ${bad % width}`;
  throw new LockstepError('bad-input', `${where}: ${place} is ${values[bad]}; every number must be finite.`);
}
