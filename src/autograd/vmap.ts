/** A function of one model's tensors, run once for the tensors of many. */
import { badArgument, checkFunction, checkList } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { checkTensor } from '../tensor/check-tensor.js';
import { hideModels, isOverModels, runOverModels } from '../tensor/over-models.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { spread } from './ops/lift.js';
import { record } from './record.js';

/** Options of {@link vmap}. */
export interface VmapOptions {
  /**
   * For each input 0, where its first axis is over the models, or null, where all models share it. Those after the last tensor
   * may be left out. Default 0 for tensors, null for everything else.
   */
  inAxes?: readonly (0 | null)[];
}

/**
 * Makes a function that runs `fn` for many models at once, as `torch.func.vmap`: inside, a tensor has the shape of one
 * model's, and each operation runs once for all. Gradients flow through it.
 *
 * @param fn Takes and gives tensors, and is made of this library's operations.
 * @returns A function of the same inputs, with an axis over models in front of those that are mapped. Its result has one.
 * @throws LockstepError `unsupported`, when the function is called, for operations that cannot run for several models at once:
 * fusedMlp, those of defineOp and runKernel, copy_, backward.
 * @example
 * const losses = vmap(crossEntropy, { inAxes: [0, null] })(logits, y); // logits [models, batch, classes], y [batch]
 * sum(losses).backward();
 */
export function vmap<Inputs extends readonly unknown[]>(
  fn: (...inputs: Inputs) => Tensor,
  options: VmapOptions = {},
): (...inputs: Inputs) => Tensor {
  checkFunction('vmap', 'the first argument', fn, '(x) => mean(x)');
  checkOptionNames('vmap', options, ['inAxes']);
  const { inAxes } = options;
  if (inAxes !== undefined) checkAxes(inAxes);
  return (...inputs) => {
    if (inAxes) checkEach(inAxes, inputs);
    const isMapped = inputs.map((input, i) => (inAxes ? inAxes[i] === 0 : input instanceof Tensor));
    const models = countOf(inputs, isMapped);
    return mapModels('vmap', models, () => {
      const inside = inputs.map((input, i) => (isMapped[i] ? asModels(input as Tensor) : input));
      return fn(...(inside as unknown as Inputs));
    });
  };
}

function checkAxes(inAxes: unknown): void {
  checkList('vmap', 'inAxes', inAxes, 'a list fits, with 0 or null for each input');
  for (const [i, axis] of (inAxes as unknown[]).entries()) {
    if (axis !== 0 && axis !== null) throw badArgument('vmap', `inAxes[${i}]`, axis, '0 or null fits');
  }
}

/** Throws for a tensor of which nobody says whether it is mapped, and for a mapped input that is missing. */
function checkEach(inAxes: readonly (0 | null)[], inputs: readonly unknown[]): void {
  const unnamed = inputs.findIndex((input, i) => i >= inAxes.length && input instanceof Tensor);
  const missing = inAxes.findIndex((axis, i) => i >= inputs.length && axis === 0);
  if (unnamed < 0 && missing < 0) return;
  const what = unnamed < 0 ? `input ${missing} is missing` : `input ${unnamed} is a tensor, too`;
  throw new LockstepError('bad-input', `vmap: inAxes is a list of ${inAxes.length}; ${what}.`);
}

function countOf(inputs: readonly unknown[], isMapped: readonly boolean[]): number {
  let models: number | undefined;
  inputs.forEach((input, i) => {
    if (!isMapped[i]) return;
    checkTensor('vmap', `input ${i}`, input);
    const [extent] = input.shape;
    if (extent === undefined || (models !== undefined && extent !== models)) {
      throw new LockstepError(
        'bad-input',
        `vmap: input ${i} is ${showShape(input.shape)}; its first axis has to be over ` +
          `${models === undefined ? 'the models' : `the ${models} models of the inputs before`}.`,
      );
    }
    models = extent;
  });
  if (models === undefined) throw new LockstepError('bad-input', 'vmap: none of the inputs is mapped.');
  return models;
}

/** A tensor as a function that runs for all models sees it: without the first axis, which is over models. @internal */
export function asModels(tensor: Tensor): Tensor {
  const view = tensor.view(tensor.shape, tensor.strides);
  return hideModels(record('vmap', [tensor], view, [], (g) => [g]));
}

/** Runs `work` for `models` models at once. The axis over models is visible in what it returns. @internal */
export function mapModels(name: string, models: number, work: () => Tensor): Tensor {
  return runOverModels(name, models, () => {
    const result: unknown = work();
    checkTensor(name, 'what the function gave', result);
    return isOverModels(result) ? result : spread(result);
  });
}
