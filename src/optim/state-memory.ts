/** Memory for optimizers' state. The state of many parameters lies in one buffer, so that one launch updates all of it. */
import { filled } from '../kernels/tensor/elementwise.js';
import { outlive } from '../tensor/scope.js';
import { contiguousStrides } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** State tensors that a parameter lacks. */
interface Wanted {
  parameter: Tensor;
  names: readonly string[];
  /** Where they are put, by name. */
  tensors: Record<string, Tensor>;
}

const elementsOf = ({ parameter, names }: Wanted): number => parameter.numel * names.length;

/** Makes zeros of the parameters' shapes, those of one device in as few buffers as its largest binding allows. */
export function makeState(wanted: readonly Wanted[]): void {
  const waiting = new Set(wanted.filter(({ names }) => names.length > 0));
  for (const first of waiting) {
    const { device } = first.parameter;
    const most = device.limits.maxStorageBufferBindingSize / 4;
    if (elementsOf(first) > most) {
      alone(first);
      continue;
    }
    const chunk: Wanted[] = [];
    let elements = 0;
    for (const one of waiting) {
      if (one.parameter.device !== device || elements + elementsOf(one) > most) continue;
      chunk.push(one);
      elements += elementsOf(one);
      waiting.delete(one);
    }
    cut(filled(device, [elements], 0), chunk);
  }
}

/** Makes the state of a parameter for which one binding is too small, in buffers of its own. */
function alone({ parameter, names, tensors }: Wanted): void {
  for (const name of names) {
    tensors[name] = filled(parameter.device, parameter.shape, 0);
    outlive(tensors[name]);
  }
}

function cut(memory: Tensor, chunk: readonly Wanted[]): void {
  let at = 0;
  for (const { parameter, names, tensors } of chunk) {
    for (const name of names) {
      tensors[name] = memory.view(parameter.shape, contiguousStrides(parameter.shape), at);
      outlive(tensors[name]);
      at += parameter.numel;
    }
  }
  memory.dispose();
}
