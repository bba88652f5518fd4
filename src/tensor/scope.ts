/**
 * Frees the tensors that a function made and does not return: `scope(() => …)`. Those that it returns belong to the
 * scope around it, if there is one.
 */
import { checkFunction } from '../platform/arguments.js';
import { type GraphNode, lastSerial } from './graph.js';
import { exchangeScope } from './scope-list.js';
import { runSynchronously } from './synchronous.js';
import { Tensor } from './tensor.js';

/** Lets the tensor outlive the scopes that it was made in. @internal */
export function outlive(tensor: Tensor): void {
  tensor.scoped = false;
}

/**
 * Which of a scope's own tensors a result needs: those in it (in arrays, objects, maps, sets and modules, at any depth), and
 * those that backward passes through them need, which are leaves and what operations have saved. Intermediate results are
 * not needed. Operations from before the scope, up to number `since`, cannot need anything from inside.
 */
function neededBy(result: unknown, own: ReadonlySet<Tensor>, since: number): Set<Tensor> {
  const needed = new Set<Tensor>();
  const seen = new Set<unknown>();
  const nodes: GraphNode<Tensor>[] = [];
  const waiting: unknown[] = [result];
  while (waiting.length > 0) {
    const value = waiting.pop();
    const holds = (typeof value === 'object' && value !== null) || typeof value === 'function'; // as modules are
    if (!holds || seen.has(value) || ArrayBuffer.isView(value)) continue;
    seen.add(value);
    if (value instanceof Tensor) {
      if (own.has(value)) needed.add(value);
      if (value.node) nodes.push(value.node);
    } else {
      const inside = value instanceof Map || value instanceof Set || Array.isArray(value);
      for (const item of inside ? value : Object.values(value)) waiting.push(item);
    }
  }
  while (nodes.length > 0) {
    const node = nodes.pop() as GraphNode<Tensor>;
    if (node.serial <= since || seen.has(node)) continue;
    seen.add(node);
    for (const tensor of node.tensors()) if (own.has(tensor)) needed.add(tensor);
    nodes.push(...node.parents());
  }
  return needed;
}

/**
 * Runs `work` and frees the tensors that it made and does not return; also when it throws. Gradients of parameters
 * and an optimizer's state live on. `work` is not asynchronous: await after the scope.
 *
 * @returns What `work` returns; tensors are found in it at any depth of arrays, objects, maps, sets and modules.
 * @example
 * const accuracy = scope(() => mean(cast(eq(argmax(model(x), 1), labels), 'f32')));
 */
export function scope<T>(work: () => T): T {
  checkFunction('scope', 'the argument', work, '() => mean(x)');
  const own = new Set<Tensor>();
  const since = lastSerial();
  const outer = exchangeScope(own);
  let kept = new Set<Tensor>();
  try {
    const result = runSynchronously('scope', 'its scope would end', work);
    kept = neededBy(result, own, since);
    return result;
  } finally {
    exchangeScope(outer);
    for (const tensor of own) {
      if (kept.has(tensor)) outer?.add(tensor);
      else if (tensor.scoped) tensor.release('by the end of its scope, which did not return it.');
    }
  }
}
