/** Differentiable operations of the user's own, of any kernels and operations. */
import { badArgument, checkFunction, checkObject, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { checkTensor, checkTensorList } from '../tensor/check-tensor.js';
import { scope } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';
import type { BackwardRule } from './node.js';
import { noGrad, record } from './record.js';

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
export function defineOp<Inputs extends readonly Tensor[]>(
  definition: OpDefinition<Inputs>,
): (...inputs: Inputs) => Tensor {
  checkDefinition(definition);
  const { name, forward, backward } = definition;
  return (...inputs) => {
    checkTensorList(name, 'inputs', inputs);
    // The saved tensors leave the scope with the result, are held by the node, and freed here.
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

/** What a backward rule gave: one gradient or null an input. */
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
