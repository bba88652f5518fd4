/**
 * Frees what a function made: `scope(() => …)`. It keeps the list of tensors made inside; what the function returns
 * moves to the scope around.
 */
import { runSynchronously } from './synchronous.js';
import type { Tensor } from './tensor.js';

let innermost: Set<Tensor> | undefined;

/** Called for every new tensor. @internal */
export function enterScope(tensor: Tensor): void {
  innermost?.add(tensor);
}

/** Frees the tensor from the scopes it was made in, as it has to outlive them. @internal */
export function outlive(tensor: Tensor): void {
  tensor.scoped = false;
}

function isTensor(value: object): value is Tensor {
  return 'storage' in value && 'dispose' in value && 'strides' in value;
}

/**
 * Which of a scope's own tensors a result needs: those in it (in arrays, plain objects, maps and sets, at any depth),
 * and those that a backward pass through them needs. Tensors from outside need nothing from inside.
 */
function neededBy(result: unknown, own: ReadonlySet<Tensor>): Set<Tensor> {
  const needed = new Set<Tensor>();
  const seen = new Set<unknown>();
  const waiting: unknown[] = [result];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null || seen.has(value) || ArrayBuffer.isView(value)) continue;
    seen.add(value);
    if (isTensor(value)) {
      if (!own.has(value)) continue;
      needed.add(value);
      for (const tensor of value.node?.tensors() ?? []) waiting.push(tensor);
    } else {
      const inside = value instanceof Map || value instanceof Set || Array.isArray(value);
      for (const item of inside ? value : Object.values(value)) waiting.push(item);
    }
  }
  return needed;
}

/**
 * Runs `work` and frees the tensors that it made and does not return; also when it throws. Gradients of parameters
 * and an optimizer's state live on. `work` is not asynchronous: await after the scope.
 *
 * @returns What `work` returns; tensors are found in it at any depth of arrays, objects, maps and sets.
 * @example
 * const accuracy = scope(() => mean(cast(eq(argmax(model.forward(x), 1), labels), 'f32')));
 */
export function scope<T>(work: () => T): T {
  const outer = innermost;
  const own = new Set<Tensor>();
  innermost = own;
  let kept = new Set<Tensor>();
  try {
    const result = runSynchronously('scope', 'its scope would end', work);
    kept = neededBy(result, own);
    return result;
  } finally {
    innermost = outer;
    for (const tensor of own) {
      if (kept.has(tensor)) outer?.add(tensor);
      else if (tensor.scoped) tensor.dispose();
    }
  }
}
