/** What rules for several models at once share: tensors with their axis over models shown, where an operation wants it. */

import { sumTo } from '../../kernels/tensor/reduce.js';
import { isOverModels, modelsRunning } from '../../tensor/over-models.js';
import { broadcastStrides } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { record } from '../record.js';

/** With the axis over models shown, and axes of extent 1 behind it, so that `rank` axes follow; others as they are. */
export function lifted<T>(value: T, rank: number): T | Tensor {
  if (!isOverModels(value)) return value;
  const whole = value.whole();
  const added = new Array<number>(Math.max(0, rank - value.shape.length)).fill(1);
  if (added.length === 0) return whole;
  const [models, ...shape] = whole.shape;
  const [stride, ...strides] = whole.strides;
  const view = whole.view([models, ...added, ...shape], [stride, ...added, ...strides]);
  return record('unsqueeze', [whole], view, [], (g) => [
    g.view(whole.shape, [g.strides[0], ...g.strides.slice(1 + added.length)]),
  ]);
}

/** Operands that broadcast with each other, lifted to the largest number of axes among them. */
export function liftedAlike<T>(values: readonly T[]): (T | Tensor)[] {
  const ranks = values.map((value) => (value as Partial<Tensor>).shape?.length ?? 0);
  const rank = Math.max(0, ...ranks);
  return values.map((value) => lifted(value, rank));
}

/** With an axis over models in front: the tensor's own, or one along which the same is repeated. */
export function spread(x: Tensor): Tensor {
  if (isOverModels(x)) return x.whole();
  const shape = [modelsRunning() as number, ...x.shape];
  const view = x.view(shape, broadcastStrides(x.shape, x.strides, shape));
  return record('expand', [x], view, [], (g) => [sumTo(g, x.shape)]);
}
