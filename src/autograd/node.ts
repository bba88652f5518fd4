/**
 * A recorded operation: where its gradients go, the tensors that it saved, and its backward rule. record.ts makes nodes,
 * backward.ts goes through them.
 */
import { LockstepError } from '../platform/errors.js';
import { type GraphNode, nextSerial } from '../tensor/graph.js';
import { type Shape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/**
 * Gradients by the inputs of an operation.
 *
 * @param gradient The gradient by the result, of its shape.
 * @param saved The tensors saved at forward.
 * @param needed Which inputs require gradients; nothing has to be computed for the others.
 * @returns For each input a new tensor of its shape, `gradient` itself, or null for no gradient.
 */
export type BackwardRule = (
  gradient: Tensor,
  saved: readonly Tensor[],
  needed: readonly boolean[],
) => readonly (Tensor | null)[];

/** Where a gradient goes: to the node that made an input, or to a leaf. */
export interface Edge {
  node: Node | null;
  leaf: Tensor | null;
  shape: Shape;
}

/** A recorded operation. */
export class Node implements GraphNode<Tensor> {
  readonly name: string;
  readonly serial = nextSerial();
  /** One an input; null for inputs that require no gradient. */
  edges: readonly (Edge | null)[];
  rule: BackwardRule;
  /** The result, until a backward pass leaves it to the program. */
  output: Tensor | undefined;
  /** True once a backward pass freed what was saved. */
  consumed = false;
  #saved: { tensor: Tensor; version: number }[];

  constructor(
    name: string,
    inputs: readonly Tensor[],
    output: Tensor,
    saved: readonly Tensor[],
    rule: BackwardRule,
  ) {
    this.name = name;
    this.edges = inputs.map((input) => {
      if (!input.requiresGrad) return null;
      const node = input.node as Node | null;
      return { node, leaf: node ? null : input, shape: input.shape };
    });
    this.output = output;
    this.rule = rule;
    // Handles of the graph's own, so that users may dispose theirs.
    this.#saved = saved.map((tensor) => ({ tensor: tensor.detach(), version: tensor.storage.version }));
  }

  /** The saved tensors, which must not have changed. */
  saved(): Tensor[] {
    return this.#saved.map(({ tensor, version }) => {
      const now = tensor.storage.version;
      if (now !== version) {
        throw new LockstepError(
          'bad-input',
          'backward(): one of the variables needed for gradient computation has been modified by an inplace ' +
            `operation: a tensor ${showShape(tensor.shape)} that ${this.name} saved is at version ${now}; expected ` +
            `version ${version} instead. Change it after backward(), or change a copy.`,
        );
      }
      return tensor;
    });
  }

  parents(): readonly Node[] {
    return this.edges.flatMap((edge) => edge?.node ?? []);
  }

  tensors(): readonly Tensor[] {
    const leaves = this.edges.flatMap((edge) => edge?.leaf ?? []);
    return [...leaves, ...this.#saved.map(({ tensor }) => tensor)];
  }

  /** Frees what was saved, and returns the result unless it is disposed. It belongs to the caller from now on. */
  consume(): Tensor | undefined {
    const { output } = this;
    this.consumed = true;
    this.output = undefined;
    for (const { tensor } of this.#saved) tensor.dispose();
    this.#saved = [];
    // Otherwise a loss that the program holds would keep all objects of its graph alive.
    this.edges = [];
    this.rule = () => [];
    return output?.disposed ? undefined : output;
  }
}
