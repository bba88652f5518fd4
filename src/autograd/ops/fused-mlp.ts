/**
 * The two-layer network as one differentiable operation. It takes a handful of dispatches, where the same network of single
 * operations takes about twenty, and stores no hidden activations.
 */

import { elementwise } from '../../kernels/tensor/elementwise.js';
import {
  type FusedMlpInputs,
  fromStart,
  fusedForward,
  fusedGradients,
  fusedInputGradient,
} from '../../kernels/tensor/fused-mlp.js';
import { reduce } from '../../kernels/tensor/reduce.js';
import { checkTensor } from '../../tensor/check-tensor.js';
import { refuseModels } from '../../tensor/over-models.js';
import { scope } from '../../tensor/scope.js';
import { numelOf } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';
import { badOperands, checkFloats } from './check.js';

const NAMES = ['x', 'w1', 'b1', 'w2', 'b2'] as const;

function checkNetwork(name: string, inputs: readonly Tensor[]): void {
  const [x, w1, b1, w2, b2] = inputs;
  refuseModels(name, inputs);
  checkTensor(name, 'x', x);
  checkFloats(name, [w1, b1, w2, b2]);
  const [hidden, features] = w1.shape;
  const columns = x.dtype === 'u32' ? Math.ceil(features / 32) : features;
  const fits =
    (x.dtype === 'f32' || x.dtype === 'u32') &&
    x.shape.length === 2 &&
    x.shape[1] === columns &&
    w1.shape.length === 2 &&
    w1.numel > 0 &&
    x.shape[0] > 0 &&
    b1.shape.join() === `${hidden}` &&
    w2.shape.join() === `1,${hidden}` &&
    b2.shape.join() === '1';
  if (!fits) {
    throw badOperands(
      name,
      inputs,
      'x f32 [batch, N] or u32 [batch, ceil(N / 32)], w1 [W, N], b1 [W], w2 [1, W] and b2 [1] fit, none of them empty',
    );
  }
}

const asInputs = (tensors: readonly Tensor[]): FusedMlpInputs =>
  Object.fromEntries(NAMES.map((name, i) => [name, tensors[i]])) as unknown as FusedMlpInputs;

/** Gradients by x, w1, b1, w2 and b2 from the gradient by the logits. */
function gradients(tensors: readonly Tensor[], active: Tensor, dz: Tensor, needed: readonly boolean[]) {
  const inputs = asInputs(tensors);
  const { w1, b1, w2, b2 } = fusedGradients(inputs, active, dz);
  return [needed[0] ? fusedInputGradient(inputs, active, dz) : null, w1, b1, w2, b2];
}

/**
 * `relu(x w1^T + b1) w2^T + b2`: logits [batch, 1]. The same as `linear(relu(linear(x, w1, b1)), w2, b2)`.
 *
 * @param x f32 [batch, N]; or bits as u32 [batch, ceil(N / 32)], feature i in bit `i % 32` of word `floor(i / 32)`, as
 * {@link BitMatrix} has them. No gradient goes to bits.
 * @param w1 [W, N].
 * @param b1 [W].
 * @param w2 [1, W].
 * @param b2 [1].
 * @example
 * const loss = bceWithLogits(fusedMlp(x, w1, b1, w2, b2), y);
 */
export function fusedMlp(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor): Tensor {
  const inputs = [x, w1, b1, w2, b2];
  checkNetwork('fusedMlp', inputs);
  const ready = inputs.map(fromStart);
  const { result, active } = fusedForward(asInputs(ready));
  record('fusedMlp', inputs, result, [...ready, active], (g, saved, needed) => {
    const flat = fromStart(g);
    return gradients(saved.slice(0, 5), saved[5], flat.view([flat.numel], [1]), needed);
  });
  for (const each of [...ready, active]) each.dispose();
  return result;
}

/**
 * The mean binary cross-entropy of `sigmoid(fusedMlp(x, w1, b1, w2, b2))` and targets, with PyTorch's clamps and
 * saturation: the same as `bceLoss(sigmoid(…), y)`. The forward pass computes the gradient by the logits, too.
 *
 * @param y Targets in 0 to 1, f32 [batch, 1] or [batch]; no gradient goes to them.
 * @example
 * const loss = fusedMlpBce(x, y, w1, b1, w2, b2);
 * loss.backward();
 */
export function fusedMlpBce(x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor): Tensor {
  const inputs = [x, w1, b1, w2, b2];
  checkNetwork('fusedMlpBce', inputs);
  checkFloats('fusedMlpBce', [y]);
  const [batch] = x.shape;
  if (y.shape[0] !== batch || numelOf(y.shape) !== batch || y.requiresGrad) {
    throw badOperands('fusedMlpBce', [x, y], 'targets [batch, 1] or [batch] that require no gradient fit');
  }
  const { ready, active, dz, loss } = scope(() => {
    const dense = inputs.map(fromStart);
    const forward = fusedForward(asInputs(dense), fromStart(y));
    const total = reduce('sum', forward.result, [0], false, 1 / batch);
    return { ready: dense, active: forward.active, dz: forward.dz as Tensor, loss: total };
  });
  record('fusedMlpBce', inputs, loss, [...ready, active, dz], (g, saved, needed) => {
    const scaled = elementwise({
      label: 'fusedMlpBce gradient',
      expression: 'd * g',
      operands: { d: saved[6], g },
    });
    return gradients(saved.slice(0, 5), saved[5], scaled, needed);
  });
  for (const each of [...ready, active, dz]) each.dispose();
  return loss;
}
