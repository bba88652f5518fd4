/**
 * The table of operations that drives the tests: what runs, on what inputs, and the rule in float64. Every entry is
 * tested forward; every entry with `gradient` also backward, against differences of its rule.
 */
import { axesCases } from './axes.js';
import type { Case } from './cases.js';
import {
  binaryCases,
  maskedFillCases,
  roundCases,
  scalarCases,
  turnCases,
  unaryCases,
  whereCases,
} from './elementwise.js';
import { fusedCases } from './fused-mlp.js';
import { indexingCases } from './indexing.js';
import { crossEntropyCases, lossCases, lossGradientCases, otherLossCases } from './loss.js';
import { linearCases, matmulCases, otherMatmulCases } from './matmul.js';
import { longCases, otherReduceCases, reduceCases } from './reduce.js';
import { shapeCases } from './shape.js';
import { otherSoftmaxCases, softmaxCases } from './softmax.js';
import { statisticsCases } from './statistics.js';

export const table: readonly Case[] = [
  ...fusedCases,
  ...unaryCases,
  ...binaryCases,
  ...scalarCases,
  ...whereCases,
  ...roundCases,
  ...turnCases,
  ...maskedFillCases,
  ...reduceCases,
  ...longCases,
  ...otherReduceCases,
  ...matmulCases,
  ...otherMatmulCases,
  ...linearCases,
  ...softmaxCases,
  ...otherSoftmaxCases,
  ...shapeCases,
  ...axesCases,
  ...indexingCases,
  ...statisticsCases,
  ...lossCases,
  ...lossGradientCases,
  ...crossEntropyCases,
  ...otherLossCases,
];
