/**
 * Tensors that stand for several models at once: while a function runs for all of them (vmap, nn.stack), such tensors have an
 * axis over the models in front of their shape, which the function does not see. Operations show it, run once for all, and
 * hide the result's. Each operation has this rule in its own code.
 */
import { LockstepError } from '../platform/errors.js';
import { scope } from './scope.js';
import { Tensor } from './tensor.js';

/** What runs for all models: how many there are, and the tensors whose axis is hidden. */
interface Running {
  models: number;
  hidden: Set<Tensor>;
}

/** A tensor with a hidden axis. */
type OverModels = Tensor & { readonly models: NonNullable<Tensor['models']> };

let running: Running | undefined;

/** How many models the function that runs stands for; undefined outside of such functions. */
export const modelsRunning = (): number | undefined => running?.models;

/** True for tensors with a hidden axis. */
export const isOverModels = (value: unknown): value is OverModels =>
  running !== undefined && value instanceof Tensor && value.models !== null;

/** Hides the first axis of a tensor that nobody else has seen yet. */
export function hideModels(tensor: Tensor): Tensor {
  tensor.hideModels();
  running?.hidden.add(tensor);
  return tensor;
}

/** The result of `run`, whose first axis is over models, with that axis hidden. What else `run` makes is freed. */
export const overModels = (run: () => Tensor): Tensor => hideModels(scope(run));

/** Throws where an operation that has no rule for it gets a tensor that stands for several models. */
export function refuseModels(name: string, values: readonly unknown[]): void {
  if (!values.some(isOverModels)) return;
  throw new LockstepError(
    'unsupported',
    `${name}: it cannot run for several models at once (nn.stack, vmap); use operations of this library in its place.`,
  );
}

/** Runs `work` for `models` models at once. Afterwards every axis is shown again. */
export function runOverModels<T>(name: string, models: number, work: () => T): T {
  if (running) {
    throw new LockstepError(
      'unsupported',
      `${name}: it cannot run inside of another vmap or stacked module.`,
    );
  }
  const hidden = new Set<Tensor>();
  running = { models, hidden };
  try {
    return work();
  } finally {
    running = undefined;
    for (const tensor of hidden) tensor.showModels();
  }
}
