/** Checks what an optimizer's `loadStateDict` is given, before anything of the optimizer changes, and finds its tensors' owners. */
import { badArgument, checkNumber, checkObject } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** What the state has to be made for. */
interface Own {
  groups: readonly { params: readonly Tensor[] }[];
  parameters: readonly Tensor[];
  /** What tensors were called in files of earlier versions, and what they are called now. */
  formerNames: Readonly<Record<string, string>>;
  /** The tensors of every parameter that took a step. */
  fromFirstStep: readonly string[];
}

/** One tensor of a state. */
interface StateEntry {
  parameter: Tensor;
  /** Without the parameter's place, as it is called now. */
  name: string;
  tensor: Tensor;
}

/**
 * The tensors of a state, with the parameters that they belong to.
 *
 * @throws LockstepError `bad-input` that names what does not fit the optimizer: groups and their settings, the number of
 * parameters, steps, and tensors that are of none, missing or of another shape.
 */
export function stateEntries(where: string, state: unknown, own: Own): StateEntry[] {
  checkObject(where, 'the state', state, 'what stateDict() gave fits');
  const { groups, steps, tensors } = state as Record<string, unknown>;
  if (!Array.isArray(groups) || !Array.isArray(steps)) {
    const fits = 'it needs groups, steps and tensors, as stateDict() gives them';
    throw badArgument(where, 'the state', state, fits);
  }
  checkObject(where, 'tensors of the state', tensors, 'an object with tensors by name fits');
  checkGroups(where, groups, own);
  if (steps.length !== own.parameters.length) {
    throw misfit(where, `it has the steps of ${steps.length} parameters, not of ${own.parameters.length}`);
  }
  steps.forEach((count, i) => {
    checkNumber(where, `steps[${i}]`, count, { min: 0, whole: true });
  });
  const entries = Object.entries(tensors as object).map(([name, tensor]) =>
    entryOf(where, name, tensor, own),
  );
  own.parameters.forEach((parameter, i) => {
    if (steps[i] === 0) return;
    const missing = own.fromFirstStep.find(
      (name) => !entries.some((entry) => entry.parameter === parameter && entry.name === name),
    );
    if (missing) throw misfit(where, `tensors['${i}.${missing}'] is missing, after ${steps[i]} steps`);
  });
  return entries;
}

const misfit = (where: string, what: string): LockstepError =>
  new LockstepError(
    'bad-input',
    `${where}: the state is of another optimizer, groups or parameters: ${what}.`,
  );

function checkGroups(where: string, groups: readonly unknown[], own: Own): void {
  if (groups.length !== own.groups.length) {
    throw misfit(where, `it has ${groups.length} groups, not ${own.groups.length}`);
  }
  own.groups.forEach(({ params: _, ...settings }, i) => {
    checkObject(where, `groups[${i}]`, groups[i], 'the settings of a group fit');
    const [given, known] = [groups[i] as object, settings].map((each) => Object.keys(each).sort().join(', '));
    if (given !== known)
      throw misfit(where, `groups[${i}] has the settings ${printable(given)}, not ${known}`);
  });
}

function entryOf(where: string, name: string, tensor: unknown, { parameters, formerNames }: Own): StateEntry {
  const what = `tensors['${printable(name)}']`;
  if (!(tensor instanceof Tensor)) throw badArgument(where, what, tensor, 'a tensor fits');
  const [, place, then] = /^(\d+)\.(.+)$/s.exec(name) ?? [];
  const parameter = place === undefined ? undefined : parameters[Number(place)];
  if (!parameter) throw misfit(where, `${what} is of none of the ${parameters.length} parameters`);
  if (tensor.dtype !== 'f32' || !sameShape(tensor.shape, parameter.shape)) {
    const shown = `${tensor.dtype} ${showShape(tensor.shape)}`;
    throw misfit(where, `${what} is ${shown}, its parameter f32 ${showShape(parameter.shape)}`);
  }
  return { parameter, name: Object.hasOwn(formerNames, then) ? formerNames[then] : then, tensor };
}
