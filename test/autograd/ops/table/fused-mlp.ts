/** The fused two-layer network, on floats and on bits. */
import * as ops from '../../../../src/autograd/ops/index.js';
import { binaryOps } from '../../../../src/kernels/tensor/elementwise-ops.js';
import { TRANSCENDENTAL } from '../../../tolerances.js';
import { gatherRule, type Host, host, mapRule } from '../rules.js';
import { type Case, type Input, natural, shifted, signed } from './cases.js';
import { reduceLoss } from './loss.js';
import { linearRule } from './matmul.js';

/** Weights of the fused network for N features and W hidden units, small enough that sums stay of order 1. */
const network = (n: number, w: number): Input[] => [
  { shape: [w, n], values: (i) => shifted(i) / n },
  { shape: [w], values: (i) => signed(i + 5) * 0.5 },
  { shape: [1, w], values: (i) => shifted(i + 3) / w },
  { shape: [1], values: () => 0.1 },
];
const networkRule = (x: Host, w1: Host, b1: Host, w2: Host, b2: Host): Host =>
  linearRule(
    mapRule((v) => Math.max(v, 0), [linearRule(x, w1, b1)]),
    w2,
    b2,
  );
/** Bits of u32 words as a float matrix. */
const unpacked = (words: Host, n: number): Host => {
  const [rows, perRow] = words.shape;
  return gatherRule(
    host(
      [rows, perRow * 32],
      [...words.data].flatMap((word) => Array.from({ length: 32 }, (_, b) => (word >>> b) & 1)),
    ),
    [rows, n],
    (index) => index,
  );
};
const bceRule = (z: Host, y: Host): Host =>
  reduceLoss(
    mapRule((a, b) => binaryOps.bceElement.rule(1 / (1 + Math.exp(-a)), b), [z, y]),
    'mean',
  );
const words = (i: number): number => Math.imul(i + 1, 0x9e3779b1) >>> 0;
const networkSizes: readonly (readonly [batch: number, n: number, w: number])[] = [
  [1, 1, 1],
  [5, 3, 7],
  [34, 31, 33],
  [3, 32, 40],
  [2, 70, 5],
];
export const fusedCases: Case[] = networkSizes.flatMap(([batch, n, w]): Case[] => {
  const bits: Input = { shape: [batch, Math.ceil(n / 32)], dtype: 'u32', values: words };
  const floats: Input = { shape: [batch, n] };
  const y: Input = { shape: [batch, 1], values: (i) => natural(i) % 2, gradient: false };
  const title = `batch ${batch}, N ${n}, W ${w}`;
  return [
    {
      name: `fusedMlp of floats, ${title}`,
      inputs: [floats, ...network(n, w)],
      run: ops.fusedMlp,
      rule: networkRule,
    },
    {
      name: `fusedMlp of bits, ${title}`,
      inputs: [bits, ...network(n, w)],
      run: ops.fusedMlp,
      rule: (x: Host, ...rest: [Host, Host, Host, Host]) => networkRule(unpacked(x, n), ...rest),
    },
    {
      name: `fusedMlpBce of floats, ${title}`,
      inputs: [floats, y, ...network(n, w)],
      run: ops.fusedMlpBce,
      rule: (x: Host, t: Host, ...rest: [Host, Host, Host, Host]) => bceRule(networkRule(x, ...rest), t),
    },
    {
      name: `fusedMlpBce of bits, ${title}`,
      inputs: [bits, y, ...network(n, w)],
      run: ops.fusedMlpBce,
      rule: (x: Host, t: Host, ...rest: [Host, Host, Host, Host]) =>
        bceRule(networkRule(unpacked(x, n), ...rest), t),
    },
  ].map((each) => ({ ...each, tolerance: TRANSCENDENTAL, gradient: n * w < 300 }) as Case);
});
