/**
 * The backward pass. It goes through recorded operations from the result to the leaves, sums the gradients of tensors that
 * were used more than once, and adds gradients to the leaves. It frees what the graph saved; results that the program still
 * holds keep their values.
 */

import { copyDense, elementwise, filled } from '../kernels/tensor/elementwise.js';
import { LockstepError } from '../platform/errors.js';
import { leaveToCaller } from '../tensor/leftovers.js';
import { outlive, scope } from '../tensor/scope.js';
import { sameShape, showShape } from '../tensor/shape.js';
import type { BackwardOptions, Tensor } from '../tensor/tensor.js';
import type { Edge, Node } from './node.js';

/** The nodes that `root` depends on, and itself, each before the nodes that it depends on. */
function fromRoot(root: Node): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>([root]);
  const stack: { node: Node; next: number }[] = [{ node: root, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const edge = top.node.edges[top.next++];
    if (top.next > top.node.edges.length) {
      order.push(top.node);
      stack.pop();
    } else if (edge?.node && !seen.has(edge.node)) {
      seen.add(edge.node);
      stack.push({ node: edge.node, next: 0 });
    }
  }
  return order.reverse();
}

function checkUnused(nodes: readonly Node[]): void {
  for (const node of nodes) {
    if (node.consumed) {
      throw new LockstepError(
        'bad-input',
        'Trying to backward through the graph a second time (or directly access saved tensors after they have ' +
          `already been freed): ${node.name} was gone through before. Specify retainGraph: true in the first ` +
          'backward() if you need to backward through the graph a second time.',
      );
    }
    node.saved();
  }
}

function seedOf(root: Tensor, gradient: Tensor | undefined): Tensor {
  if (!gradient) {
    if (root.numel !== 1) {
      throw new LockstepError(
        'bad-input',
        'backward(): grad can be implicitly created only for scalar outputs; this tensor has shape ' +
          `${showShape(root.shape)}. Reduce it, as by sum() or mean(), or pass { gradient }.`,
      );
    }
    return filled(root.device, root.shape, 1);
  }
  if (!sameShape(gradient.shape, root.shape) || gradient.dtype !== 'f32') {
    throw new LockstepError(
      'bad-input',
      `backward(): the gradient is ${gradient.dtype} ${showShape(gradient.shape)}; the tensor is f32 ` +
        `${showShape(root.shape)}.`,
    );
  }
  return gradient.detach();
}

const sumOf = (a: Tensor, b: Tensor): Tensor =>
  elementwise({ label: 'accumulate gradients', expression: 'a + b', operands: { a, b } });

/** The gradients that wait for their node: that of each node's result. */
class Gradients {
  readonly #waiting = new Map<Node, Tensor>();

  /** Takes over `gradient`. */
  add({ node, leaf }: Edge, gradient: Tensor): void {
    if (node) {
      const before = this.#waiting.get(node);
      if (before) {
        this.#waiting.set(node, sumOf(before, gradient));
        before.dispose();
        gradient.dispose();
      } else {
        this.#waiting.set(node, gradient);
      }
    } else if (leaf) {
      accumulate(leaf, gradient);
    }
  }

  take(node: Node): Tensor | undefined {
    const gradient = this.#waiting.get(node);
    this.#waiting.delete(node);
    return gradient;
  }

  dispose(): void {
    for (const gradient of this.#waiting.values()) gradient.dispose();
    this.#waiting.clear();
  }
}

/** Adds to a leaf's gradient; takes over `gradient`. A dense `grad` stays the same object. */
function accumulate(leaf: Tensor, gradient: Tensor): void {
  if (leaf.disposed) {
    gradient.dispose();
    return;
  }
  if (leaf.grad && !leaf.grad.disposed) {
    const sum = sumOf(leaf.grad, gradient);
    gradient.dispose();
    if (leaf.grad.contiguous) {
      leaf.grad.relocate(sum.storage.retain(), 0);
      sum.dispose();
      return;
    }
    // A strided view that the program put there cannot be moved to the dense sum.
    leaf.grad = sum;
    outlive(sum);
    return;
  }
  const shared = gradient.storage.references > 1 || !gradient.contiguous;
  leaf.grad = shared ? copyDense(gradient) : gradient;
  if (shared) gradient.dispose();
  outlive(leaf.grad);
}

/** The gradients that one node's rule gives, a tensor of its own for each input. Frees `gradient`. */
function gradientsOf(node: Node, gradient: Tensor): (Tensor | null)[] {
  const needed = node.edges.map((edge) => edge !== null);
  try {
    return scope(() => {
      const used = new Set<Tensor>([gradient]);
      return node.rule(gradient, node.saved(), needed).map((result, i) => {
        const edge = node.edges[i];
        if (!result || !edge) return null;
        if (!sameShape(result.shape, edge.shape)) {
          throw new LockstepError(
            'bad-input',
            `${node.name}: its backward rule gave a gradient ${showShape(result.shape)} for input ${i}, which is ` +
              `${showShape(edge.shape)}.`,
          );
        }
        if (used.has(result)) return result.detach();
        used.add(result);
        return result;
      });
    });
  } finally {
    gradient.dispose();
  }
}

/** Runs one node's rule and passes its gradients on. Frees `gradient`. */
function step(node: Node, gradient: Tensor, gradients: Gradients): void {
  gradientsOf(node, gradient).forEach((result, i) => {
    const edge = node.edges[i];
    if (result && edge) gradients.add(edge, result);
  });
}

/** The backward pass from `root`. A leaf only accumulates the gradient. */
export function runBackward(root: Tensor, { gradient, retainGraph = false }: BackwardOptions): void {
  if (!root.requiresGrad) {
    throw new LockstepError(
      'bad-input',
      'backward(): this tensor does not require grad and does not have a grad_fn: no differentiable operation made ' +
        'it. Are its inputs made with requiresGrad, and outside of noGrad()?',
    );
  }
  const start = root.node as Node | null;
  const nodes = start ? fromRoot(start) : [];
  checkUnused(nodes);
  const gradients = new Gradients();
  const leaf = start ? null : root;
  gradients.add({ node: start, leaf, shape: root.shape }, seedOf(root, gradient));
  const results: Tensor[] = [];
  const consume = (node: Node): void => {
    const result = node.consume();
    if (result) results.push(result);
  };
  try {
    for (const node of nodes) {
      const arriving = gradients.take(node);
      if (arriving) step(node, arriving, gradients);
      if (!retainGraph) consume(node);
    }
  } finally {
    gradients.dispose();
    if (!retainGraph) for (const node of nodes) consume(node);
    leaveToCaller(results);
  }
}
