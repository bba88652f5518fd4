/** Lets users define differentiable operations of their own, made of any kernels and operations. */

import { badArgument, checkFunction, checkObject, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { checkTensor, checkTensorList } from '../tensor/check-tensor.js';
import { refuseModels } from '../tensor/over-models.js';
import { scope } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';
import type { BackwardRule } from './node.js';
import { noGrad, record } from './record.js';

/** What an operation computes, and how its gradient is computed. */
export interface OpDefinition<Inputs extends readonly Tensor[]> {
  /** Names the operation in errors. */
  name: string;
  /**
   * Computes the result from the inputs. Nothing in it is recorded, and tensors that it makes besides the result are freed.
   * Pass to `save` the tensors that the backward rule needs: inputs, the result, or others.
   */
  forward(save: (...tensors: Tensor[]) => void, ...inputs: Inputs): Tensor;
  /** Computes the gradients by the inputs, each a new tensor of the input's shape, or null. Nothing in it is recorded. */
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
export function defineOp<Inputs extends readonly Tensor[]>(
  definition: OpDefinition<Inputs>,
): (...inputs: Inputs) => Tensor {
  checkDefinition(definition);
  const { name, forward, backward } = definition;
  return (...inputs) => {
    checkTensorList(name, 'inputs', inputs);
    refuseModels(name, inputs);
    // The scope keeps the saved tensors beside the result. The node has handles of its own; these are freed here.
    const { result, saved } = noGrad(() =>
      scope(() => {
        const kept: Tensor[] = [];
        const save = (...tensors: Tensor[]): void => {
          checkTensorList(name, 'saved', tensors);
          kept.push(...tensors);
        };
        const made: unknown = forward(save, ...inputs);
        checkTensor(name, 'the result of forward', made);
        return { result: inputs.includes(made) ? made.detach() : made, saved: kept };
      }),
    );
    const rule: BackwardRule = (gradient, kept, needed) =>
      noGrad(() => checkedGradients(name, inputs.length, backward(gradient, kept, needed)));
    record(name, inputs, result, saved, rule);
    for (const tensor of saved) if (tensor !== result && !inputs.includes(tensor)) tensor.dispose();
    return result;
  };
}

function checkDefinition(definition: unknown): void {
  checkObject('defineOp', 'the argument', definition, 'one object with name, forward and backward fits');
  checkOptionNames('defineOp', definition, ['name', 'forward', 'backward']);
  const { name, forward, backward } = definition as Record<string, unknown>;
  checkText('defineOp', 'the name', name);
  checkFunction(`defineOp '${name}'`, 'forward', forward, '(save, x) => mul(x, 2)');
  checkFunction(`defineOp '${name}'`, 'backward', backward, '(g) => [mul(g, 2)]');
}

/** Checks what a backward rule returned: a gradient or null for each input. */
function checkedGradients(name: string, count: number, gradients: unknown): readonly (Tensor | null)[] {
  const what = 'what its backward rule gave';
  const one =
    count === 1 ? 'one gradient or null fits, as [g]' : `${count} gradients or nulls fit, one an input`;
  if (!Array.isArray(gradients)) throw badArgument(name, what, gradients, `a list of ${one}`);
  if (gradients.length !== count) {
    throw badArgument(name, what, gradients, `it has ${gradients.length} elements, and a list of ${one}`);
  }
  for (const gradient of gradients) {
    if (gradient !== null && !(gradient instanceof Tensor)) {
      throw badArgument(name, 'a gradient of its backward rule', gradient, 'a tensor or null fits');
    }
  }
  return gradients;
}
