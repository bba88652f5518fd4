/** Differentiable layer normalization. Normalizing has kernels of its own; weight and bias use mul and add. */

import { elementwise } from '../../kernels/tensor/elementwise.js';
import { reduce } from '../../kernels/tensor/reduce.js';
import { checkNumber } from '../../platform/arguments.js';
import { checkOptionNames } from '../../platform/options.js';
import { isOverModels, overModels } from '../../tensor/over-models.js';
import { scope } from '../../tensor/scope.js';
import { checkShape, numelOf, type Shape, sameShape, showShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { badOperands, checkFloats } from './check.js';
import { add, mul } from './elementwise.js';

/** Settings of {@link layerNorm}. */
export interface LayerNormSettings {
  /** Multiplied with the result, of the normalized shape. Default: none. */
  weight?: Tensor;
  /** Added to it, of the normalized shape. Default: none. */
  bias?: Tensor;
  /** Added to the variance. Default 1e-5. */
  eps?: number;
}

/**
 * `(x - mean) / sqrt(variance + eps)` over the last axes, of extents `normalizedShape`, then `* weight + bias`. The variance is
 * without correction. f32.
 *
 * @example
 * const y = layerNorm(x, [64], { weight, bias }); // over the last axis, of extent 64
 */
export function layerNorm(x: Tensor, normalizedShape: Shape, settings: LayerNormSettings = {}): Tensor {
  checkOptionNames('layerNorm', settings, ['weight', 'bias', 'eps']);
  checkShape('layerNorm', normalizedShape);
  const { weight, bias, eps = 1e-5 } = settings;
  const factors = [weight, bias].filter((each) => each !== undefined);
  checkFloats('layerNorm', [x, ...factors]);
  checkNumber('layerNorm', 'eps', eps, { min: 0 });
  const count = normalizedShape.length;
  const fits =
    count > 0 &&
    sameShape(x.shape.slice(-count), normalizedShape) &&
    factors.every(({ shape }) => sameShape(shape, normalizedShape));
  if (!fits) {
    const shown = showShape(normalizedShape);
    throw badOperands(
      'layerNorm',
      [x, ...factors],
      `x [..., ${shown.slice(1)}, weight and bias ${shown} fit`,
    );
  }
  return scope(() => {
    const normal = normalized(x, count, eps);
    const scaled = weight ? mul(normal, weight) : normal;
    return bias ? add(scaled, bias) : scaled;
  });
}

/** Mean 0 and variance 1 over the last `count` axes. */
function normalized(x: Tensor, count: number, eps: number): Tensor {
  if (isOverModels(x)) return overModels(() => normalized(x.whole(), count, eps));
  const axes = x.shape.map((_, axis) => axis).slice(-count);
  const share = 1 / numelOf(x.shape.slice(-count));
  const label = 'layerNorm';
  const meanOf = (t: Tensor) => reduce('sum', t, axes, true, share);
  const center = meanOf(x);
  const square = elementwise({ label, expression: '(a - m) * (a - m)', operands: { a: x, m: center } });
  const factor = elementwise({
    label,
    expression: '1.0 / sqrtOf(v + e)',
    operands: { v: meanOf(square) },
    scalars: { e: eps },
  });
  const result = elementwise({ label, expression: '(a - m) * r', operands: { a: x, m: center, r: factor } });
  return record('layerNorm', [x], result, [result, factor], (g, [y, r]) => {
    const product = elementwise({ label: `${label} gradient`, expression: 'g * y', operands: { g, y } });
    const operands = { g, y, r, m: meanOf(g), n: meanOf(product) };
    return [elementwise({ label: `${label} gradient`, expression: 'r * (g - m - y * n)', operands })];
  });
}
