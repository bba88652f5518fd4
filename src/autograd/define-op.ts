/** Differentiable operations of the user's own, of any kernels and operations. */
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { type BackwardRule, noGrad, record } from './record.js';

/** What an operation computes and how its gradient comes about. */
export interface OpDefinition<Inputs extends readonly Tensor[]> {
  /** Names the operation in errors. */
  name: string;
  /**
   * The result from the inputs. Runs unrecorded, and what it makes besides the result is freed; what the backward
   * rule needs is handed to `save` (inputs, the result, or others).
   */
  forward(save: (...tensors: Tensor[]) => void, ...inputs: Inputs): Tensor;
  /** The gradients by the inputs, each a new tensor of the input's shape, or null. Runs unrecorded. */
  backward: BackwardRule;
}

/**
 * Makes a differentiable operation. {@link gradcheck} tells whether its backward rule is right.
 *
 * @example
 * const cube = defineOp({
 *   name: 'cube',
 *   forward: (save, x: Tensor) => {
 *     save(x);
 *     return pow(x, 3);
 *   },
 *   backward: (g, [x]) => [mul(g, mul(pow(x, 2), 3))],
 * });
 * await gradcheck(cube, [randn([4], { requiresGrad: true })]);
 */
export function defineOp<Inputs extends readonly Tensor[]>({
  name,
  forward,
  backward,
}: OpDefinition<Inputs>): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    // The saved tensors leave the scope with the result, are held by the node, and freed here.
    const { result, saved } = noGrad(() =>
      scope(() => {
        const kept: Tensor[] = [];
        const made = forward((...tensors) => kept.push(...tensors), ...inputs);
        return { result: inputs.includes(made) ? made.detach() : made, saved: kept };
      }),
    );
    const rule: BackwardRule = (gradient, kept, needed) => noGrad(() => backward(gradient, kept, needed));
    record(name, inputs, result, saved, rule);
    for (const tensor of saved) if (tensor !== result && !inputs.includes(tensor)) tensor.dispose();
    return result;
  };
}
