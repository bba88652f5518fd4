/**
 * Stacks the weights of trained networks on the host, as `torch.func.stack_module_state` stacks those of models. For files and
 * for nn.stack; it makes no tensors and knows no device.
 */
import type { HostStateDict } from '../network/network.js';
import { badArgument, checkList, checkObject } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import { numelOf, showShape } from '../tensor/shape.js';

/**
 * State dicts of one network as a single one, whose values have an axis over the dicts in front: of R runs with a `0.weight` of
 * [units, inputs] one of [R, units, inputs].
 *
 * @param states What `weights()` of the `finish` events gives, of runs of the same shapes.
 * @throws LockstepError `bad-input` for no dicts at all, and for names and shapes that are not those of the first one.
 * @example
 * const trained: HostStateDict[] = [];
 * for await (const event of trainLockstep(device, { runs, ...shared })) {
 *   if (event.type === 'finish') trained[event.run] = await event.weights();
 * }
 * const file = await nn.saveSafetensors(nn.stackStateDicts(trained));
 */
export function stackStateDicts(states: readonly HostStateDict[]): HostStateDict {
  const where = 'nn.stackStateDicts';
  const fits = 'a list of state dicts fits, as weights() of finish events gives them';
  checkList(where, 'the argument', states, fits);
  if (states.length === 0) throw badArgument(where, 'the number of state dicts', 0, 'give one at least');
  for (let k = 0; k < states.length; k++) checkObject(where, `state dict ${k}`, states[k], fits);
  const [first] = states;
  const names = Object.keys(first);
  states.forEach((state, k) => {
    const problems = [
      ...names.flatMap((name) => misfit(name, state[name], first[name])),
      ...Object.keys(state)
        .filter((name) => !Object.hasOwn(first, name))
        .map((name) => `${printable(name)} is not in state dict 0`),
    ];
    if (problems.length === 0) return;
    throw new LockstepError('bad-input', `${where}: state dict ${k}: ${problems.join('; ')}.`);
  });
  const entries = names.map((name) => {
    const { shape } = first[name];
    const size = numelOf(shape);
    const data = new Float32Array(states.length * size);
    states.forEach((state, k) => {
      data.set(state[name].data, k * size);
    });
    return [name, { data, shape: [states.length, ...shape] }] as const;
  });
  return Object.fromEntries(entries);
}

/** Why a value cannot be stacked upon the first one, if it cannot. */
function misfit(name: string, value: unknown, first: HostStateDict[string]): string[] {
  if (value === undefined) return [`${printable(name)} is missing`];
  if (!isHostValue(value)) {
    return [`${printable(name)} is ${showKind(value)}, not { data: Float32Array, shape } of as many numbers`];
  }
  if (value.shape.join() === first.shape.join()) return [];
  return [`${printable(name)} is ${showShape(value.shape)}, in state dict 0 ${showShape(first.shape)}`];
}

/** Whether a value is one of a {@link HostStateDict}. */
export function isHostValue(value: unknown): value is HostStateDict[string] {
  const { data, shape } = (value ?? {}) as Partial<HostStateDict[string]>;
  if (!(data instanceof Float32Array) || !Array.isArray(shape)) return false;
  return shape.every((extent) => Number.isInteger(extent) && extent >= 0) && numelOf(shape) === data.length;
}
