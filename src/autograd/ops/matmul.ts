/** Differentiable matrix products: `matmul` and `linear`. */

import { dense } from '../../kernels/tensor/elementwise.js';
import * as kernels from '../../kernels/tensor/matmul.js';
import { reduce, sumTo } from '../../kernels/tensor/reduce.js';
import { checkOptionNames } from '../../platform/options.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { scope } from '../../tensor/scope.js';
import { broadcastShapes, contiguousStrides, numelOf, type Shape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { badOperands, checkFloats } from './check.js';
import { add } from './elementwise.js';
import { liftedAlike, spread } from './lift.js';
import { reshape } from './shape.js';

const swapLast = (list: Shape): number[] => [
  ...list.slice(0, -2),
  list[list.length - 1],
  list[list.length - 2],
];
/** The last two axes swapped; a view. */
const turned = (x: Tensor): Tensor => x.view(swapLast(x.shape), swapLast(x.strides));

/** The tensor as a matrix of its last axis' rows. */
function rows(x: Tensor): Tensor {
  if (x.shape.length === 2) return x.detach();
  const features = x.shape[x.shape.length - 1];
  const shape = [numelOf(x.shape.slice(0, -1)), features];
  return dense(x).view(shape, contiguousStrides(shape));
}

/**
 * The product of matrices `a [..., m, k]` and `b [..., k, n]`: `[..., m, n]`. Axes before the last two broadcast.
 * Transposed views are read without a copy. f32.
 *
 * @param options.variant Which shader variant runs; for tests and measurements.
 * @example
 * matmul(x, transpose(w));
 */
export function matmul(a: Tensor, b: Tensor, options: { variant?: kernels.MatmulVariant } = {}): Tensor {
  checkOptionNames('matmul', options, ['variant']);
  checkFloats('matmul', [a, b]);
  const inner = a.shape[a.shape.length - 1];
  if (a.shape.length < 2 || b.shape.length < 2 || inner !== b.shape[b.shape.length - 2]) {
    throw badOperands('matmul', [a, b], '[..., m, k] and [..., k, n] fit');
  }
  broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (isOverModels(a) || isOverModels(b)) {
    return overModels(() => {
      const [p, q] = liftedAlike([a, b]);
      return matmul(p, q, options);
    });
  }
  const { variant } = options;
  const result = kernels.matmul(a, b, undefined, variant);
  return record('matmul', [a, b], result, [a, b], (g, [savedA, savedB], needed) => [
    needed[0] ? sumTo(kernels.matmul(g, turned(savedB), undefined, variant), savedA.shape) : null,
    needed[1] ? sumTo(kernels.matmul(turned(savedA), g, undefined, variant), savedB.shape) : null,
  ]);
}

/**
 * `x [..., in] @ transpose(weight [out, in]) + bias [out]`: `[..., out]`, what `nn.Linear` computes. f32.
 *
 * @example
 * const hidden = relu(linear(x, w1, b1));
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  checkFloats('linear', inputs);
  const features = x.shape[x.shape.length - 1];
  const [out, within] = weight.shape;
  const biasFits = !bias || (bias.shape.length === 1 && bias.shape[0] === out);
  if (x.shape.length < 1 || weight.shape.length !== 2 || within !== features || !biasFits) {
    throw badOperands('linear', inputs, 'x [..., in], weight [out, in] and bias [out] fit');
  }
  if (inputs.some(isOverModels)) return overModels(() => linearOverModels(x, weight, bias));
  const shape = [...x.shape.slice(0, -1), out];
  const result = scope(() =>
    kernels.matmul(rows(x), turned(weight), bias).view(shape, contiguousStrides(shape)),
  );
  return record('linear', inputs, result, [x, weight], (g, [savedX, savedW], needed) => {
    const gRows = rows(g);
    const { shape: xShape } = savedX;
    return [
      needed[0] ? kernels.matmul(gRows, savedW).view(xShape, contiguousStrides(xShape)) : null,
      needed[1] ? kernels.matmul(turned(gRows), rows(savedX)) : null,
      bias && needed[2] ? reduce('sum', gRows, [0], false) : null,
    ];
  });
}

/** {@link linear} where something of it is over models: [models, ..., out]. */
function linearOverModels(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [out, features] = weight.shape;
  const rows = numelOf(x.shape.slice(0, -1));
  // Rows that all models share stay one matrix.
  const flat = isOverModels(x)
    ? reshape(x.whole(), [x.whole().shape[0], rows, features])
    : reshape(x, [rows, features]);
  const product = products(flat, spread(weight));
  const moved = bias ? add(product, reshape(spread(bias), [-1, 1, out])) : product;
  return reshape(moved, [moved.shape[0], ...x.shape.slice(0, -1), out]);
}

/** `x [m, in]` or `[models, m, in]` times the transposed `weight [models, out, in]`. The weight's gradient comes dense. */
function products(x: Tensor, weight: Tensor): Tensor {
  const result = kernels.matmul(x, turned(weight));
  return record('linear', [x, weight], result, [x, weight], (g, [savedX, savedW], needed) => [
    needed[0] ? sumTo(kernels.matmul(g, savedW), savedX.shape) : null,
    needed[1] ? kernels.matmul(turned(g), savedX) : null,
  ]);
}
