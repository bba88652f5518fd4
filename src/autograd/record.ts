/**
 * Records operations: each result that gradients flow through gets a node with what its backward rule needs. The pass
 * back through the nodes is in backward.ts.
 */

import { copyDense } from '../kernels/tensor/elementwise.js';
import { checkFunction } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { defineAutograd, type GraphNode, nextSerial } from '../tensor/graph.js';
import { type Shape, showShape } from '../tensor/shape.js';
import { runSynchronously } from '../tensor/synchronous.js';
import type { Tensor } from '../tensor/tensor.js';
import { runBackward } from './backward.js';

let recording = true;

/** True outside of {@link noGrad}. */
export const isRecording = (): boolean => recording;

/**
 * Runs `work` without recording: its results require no gradients, and nothing is kept for a backward pass.
 *
 * @example
 * const prediction = noGrad(() => model(x));
 */
export function noGrad<T>(work: () => T): T {
  checkFunction('noGrad', 'the argument', work, '() => model.forward(x)');
  const before = recording;
  recording = false;
  try {
    return runSynchronously('noGrad', 'recording would be on again', work);
  } finally {
    recording = before;
  }
}

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
export class Node implements GraphNode {
  readonly name: string;
  readonly serial = nextSerial();
  /** One an input; null for inputs that require no gradient. */
  edges: readonly (Edge | null)[];
  rule: BackwardRule;
  /** The result, until a pass leaves it to the caller. */
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
    // Handles of our own: what the graph needs stays when the user disposes theirs.
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

  /** Frees what was saved. The result is the caller's from now on, unless it was disposed before. */
  consume(): Tensor | undefined {
    const { output } = this;
    this.consumed = true;
    this.output = undefined;
    for (const { tensor } of this.#saved) tensor.dispose();
    this.#saved = [];
    // Nor may a loss that is kept keep the objects of its whole graph.
    this.edges = [];
    this.rule = () => [];
    return output?.disposed ? undefined : output;
  }
}

/**
 * Records an operation and returns its result. Nothing is recorded in {@link noGrad} or when no input requires
 * gradients.
 *
 * @param saved What the rule needs; it may contain inputs and the result.
 */
export function record(
  name: string,
  inputs: readonly Tensor[],
  output: Tensor,
  saved: readonly Tensor[],
  rule: BackwardRule,
): Tensor {
  if (recording && output.dtype === 'f32' && inputs.some((input) => input.requiresGrad)) {
    output.node = new Node(name, inputs, output, saved, rule);
  }
  return output;
}

defineAutograd({
  clone: (source, copyMemory) =>
    record('clone', [source], source.contiguous ? copyMemory() : copyDense(source), [], (g) => [g]),
  backward: runBackward,
});
