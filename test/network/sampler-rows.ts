/**
 * The oracle of the built-in samplers: an example by what the options say, in float64, from Philox's words. Nothing is shared
 * with what it checks (src/network/samplers.ts, shaders/network/samplers.wgsl.ts).
 */
import type {
  BlobsOptions,
  MoonsOptions,
  ParitiesOptions,
  ParityOptions,
  TableOptions,
} from '../../src/network/samplers.js';
import { philox } from './philox.js';

/** Which example of which step, under which seed; `stream` 1 is of evaluations. */
export interface Place {
  seed: number;
  step: number;
  number: number;
  stream?: number;
}

export interface Row {
  x: number[];
  y: number;
}

/** Words of the example's draw k. */
const words = ({ seed, step, number, stream = 0 }: Place, k: number) =>
  philox([k, number, step, stream], [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]);

const uniform = (word: number): number => Math.floor(word / 2 ** 8) / 2 ** 24;

/** The first so many bits of the draws from 1 on. */
function bitsOf(place: Place, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const word = words(place, 1 + Math.floor(i / 128))[Math.floor(i / 32) % 4];
    return (word >>> (i % 32)) & 1;
  });
}

/** The first so many normal numbers of the draws from 1 on. */
function normalsOf(place: Place, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const four = words(place, 1 + Math.floor(i / 4));
    const [first, second] = i % 4 < 2 ? [four[0], four[1]] : [four[2], four[3]];
    const radius = Math.sqrt(-2 * Math.log((Math.floor(first / 2 ** 9) + 0.5) / 2 ** 23));
    const angle = 2 * Math.PI * uniform(second);
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}

const signed = (bits: number[], signs = false) => (signs ? bits.map((bit) => 2 * bit - 1) : bits);

function labelled(
  place: Place,
  bits: readonly number[],
  secret: readonly number[],
  options: ParityOptions | ParitiesOptions,
) {
  const parity = secret.reduce((sum, bit) => sum + bits[bit], 0) % 2;
  const { noise = 0, signTargets = false } = options;
  const flipped = noise > 0 && words(place, 0)[1] < noise * 2 ** 32 ? 1 - parity : parity;
  return signTargets ? 2 * flipped - 1 : flipped;
}

export function parityRow(options: ParityOptions, place: Place): Row {
  const bits = bitsOf(place, options.inputs);
  return { x: signed(bits, options.signs), y: labelled(place, bits, options.secret, options) };
}

export function paritiesRow(options: ParitiesOptions, place: Place): Row {
  const { bits: count, secrets, exponent = 1.4, signs, task: only } = options;
  const weights = secrets.map((_, k) => (k + 1) ** -exponent);
  const total = weights.reduce((a, b) => a + b, 0);
  const drawn = secrets.length > 1 ? words(place, 0)[0] / 2 ** 32 : 0;
  let task = 0;
  for (let sum = weights[0]; drawn >= sum / total && task < secrets.length - 1; sum += weights[task]) task++;
  if (only !== undefined) task = only;
  const bits = bitsOf(place, count);
  const code = secrets.map((_, k) => (k === task ? 1 : 0));
  return { x: [...code, ...signed(bits, signs)], y: labelled(place, bits, secrets[task], options) };
}

export function tableRow({ inputs, values, signs }: TableOptions, place: Place): Row {
  const bits = bitsOf(place, inputs);
  return { x: signed(bits, signs), y: values[bits.reduce((sum, bit, i) => sum + bit * 2 ** i, 0)] };
}

const classOf = (place: Place, classes: number) => Math.floor((words(place, 0)[0] * classes) / 2 ** 32);

export function blobsRow({ centers, deviation = 1 }: BlobsOptions, place: Place): Row {
  const y = classOf(place, centers.length);
  const spread = typeof deviation === 'number' ? deviation : deviation[y];
  const normals = normalsOf(place, centers[y].length);
  return { x: normals.map((normal, i) => centers[y][i] + spread * normal), y };
}

/** The half circles of scikit-learn's make_moons. */
export function moonsRow({ noise = 0.1 }: MoonsOptions, place: Place): Row {
  const y = classOf(place, 2);
  const angle = Math.PI * uniform(words(place, 0)[1]);
  const [first, second] = normalsOf(place, 2);
  const [a, b] = y === 0 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
  return { x: [a + noise * first, b + noise * second], y };
}
