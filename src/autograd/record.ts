/**
 * Records operations: each result that gradients flow through gets a node (node.ts) with what its backward rule needs.
 * The pass back through the nodes is in backward.ts.
 */
import { copyDense } from '../kernels/tensor/elementwise.js';
import { checkFunction } from '../platform/arguments.js';
import { isOverModels, overModels } from '../tensor/over-models.js';
import { runSynchronously } from '../tensor/synchronous.js';
import { defineAutograd, type Tensor } from '../tensor/tensor.js';
import { runBackward } from './backward.js';
import { type BackwardRule, Node } from './node.js';

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
 * Records an operation and returns its result. Nothing is recorded in {@link noGrad} or when no input requires
 * gradients.
 *
 * @param saved The tensors that the rule needs; inputs and the result may be among them.
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

/** Gradients go through a copy as they are. */
const cloned = (source: Tensor, copy: Tensor): Tensor => record('clone', [source], copy, [], (g) => [g]);

defineAutograd({
  clone: (source, copyMemory) => {
    if (isOverModels(source)) {
      return overModels(() => {
        const whole = source.whole();
        return cloned(whole, copyDense(whole));
      });
    }
    return cloned(source, source.contiguous ? copyMemory() : copyDense(source));
  },
  backward: runBackward,
});
