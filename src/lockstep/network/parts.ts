/**
 * Positions of a dispatch with what they are bound to: which go to the device together, and what they cost. chunk.ts makes and
 * dispatches them.
 */
import type { POSITION } from '../../../shaders/network/chunk.wgsl.js';
import type { NetworkKernel } from '../../kernels/network/kernel.js';
import { trainingFlops } from '../../network/program.js';
import type { NetworkProgress } from './progress.js';

type Position = Parameters<typeof POSITION.array>[0][number];

/** A position of a dispatch, the run that it is for, and what it is bound to. */
export interface Part {
  progress: NetworkProgress;
  position: Position;
  memory: GPUBuffer;
  data: readonly GPUBuffer[];
  kernel: NetworkKernel;
}

/** Puts positions that share kernel and buffers next to each other, as one dispatch takes them together. */
export function byBuffers(parts: readonly Part[]): Part[] {
  const numbers = new Map<object, number>();
  const numberOf = (one: object): number => {
    if (!numbers.has(one)) numbers.set(one, numbers.size);
    return numbers.get(one)!;
  };
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const key = [part.kernel, part.memory, part.data[0]].map(numberOf).join();
    const group = groups.get(key);
    if (group) group.push(part);
    else groups.set(key, [part]);
  }
  return [...groups.values()].flat();
}

/** Counts the operations of the matrix products, and each parameter and moment as read and written once a step. */
export function costOf(parts: readonly Part[], kind: 'training' | 'evaluation') {
  let flops = 0;
  let bytes = 0;
  for (const { progress, position } of parts) {
    const { network, part, evaluationPart, places } = progress.program;
    flops +=
      position.steps *
      (kind === 'training' ? trainingFlops(network, part) : trainingFlops(network, evaluationPart) / 3);
    const copies = places.state / places.parameters;
    bytes += 4 * position.steps * network.parameters * (kind === 'training' ? 2 * copies : 1);
  }
  return { flops, bytes };
}
