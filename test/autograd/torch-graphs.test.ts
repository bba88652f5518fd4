// Random graphs of operations, with several consumers of one tensor and views of views, against PyTorch's gradients.
// fixtures/torch/graphs_reference.py draws them.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import * as ops from '../../src/autograd/ops/index.js';
import type { Device } from '../../src/gpu/device.js';
import { tensor } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { firstDifference, type Tolerance } from '../tolerances.js';

interface Step {
  op: keyof typeof make;
  i: number;
  j: number;
  axis: number;
}
interface Graph {
  leaves: { shape: number[]; data: number[] }[];
  steps: Step[];
  outputs: number[];
  loss: number;
  grads: (number[] | null)[];
}
const { graphs } = JSON.parse(
  readFileSync(new URL('../fixtures/torch/graphs.json', import.meta.url), 'utf8'),
) as { graphs: Graph[] };

/** 14 float32 operations in a row, with exponentials among them, against float64. */
const FOURTEEN_OPERATIONS: Tolerance = { atol: 1e-4, rtol: 1e-4 };

/** What a step does to its first operand, its second one, and its axis. */
const make = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  maximum: ops.maximum,
  where: (a, b) => ops.where(ops.gt(a, 0.1), a, b),
  divide: (a, b) => ops.div(a, ops.add(ops.mul(b, b), 1)),
  tanh: ops.tanh,
  sigmoid: ops.sigmoid,
  relu: ops.relu,
  softplus: ops.softplus,
  abs: ops.abs,
  clone: (a) => a.clone(),
  contiguous: ops.contiguous,
  clamp: (a) => ops.clamp(a, -0.7, 0.9),
  flatten: (a) => ops.reshape(a, [-1]),
  repeat: (a) => ops.expand(a, [2, ...a.shape]),
  sum: (a, _, axis) => ops.sum(a, axis),
  mean: (a, _, axis) => ops.mean(a, axis),
  max: (a, _, axis) => ops.max(a, axis),
  softmax: (a, _, axis) => ops.softmax(a, axis),
  logSoftmax: (a, _, axis) => ops.logSoftmax(a, axis),
  twice: (a, _, axis) => ops.concat([a, a], axis),
  slice: (a, _, axis) => ops.slice(a, axis, 1),
  pick: (a, _, axis) =>
    ops.indexSelect(a, axis, tensor([0, a.shape[axis] - 1, 0], { dtype: 'i32', device: a.device })),
  matmul: (a, b) => ops.matmul(a, b),
  linear: (a, b) => ops.linear(a, b),
} satisfies Record<string, (a: Tensor, b: Tensor, axis: number) => Tensor>;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

function lossOf(leaves: readonly Tensor[], { steps, outputs }: Graph): Tensor {
  const values = [...leaves];
  for (const { op, i, j, axis } of steps) values.push(make[op](values[i], values[j], axis));
  return outputs.map((k) => ops.sum(ops.tanh(values[k]))).reduce((a, b) => ops.add(a, b));
}

it('the graphs hold every operation of this test', () => {
  const used = new Set(graphs.flatMap(({ steps }) => steps.map(({ op }) => op)));
  expect([...used].sort()).toEqual(Object.keys(make).sort());
});

it.each(graphs.map((graph, i) => ({ i, graph })))('graph $i: loss and gradients', async ({ graph }) => {
  const leaves = graph.leaves.map(({ shape, data }) =>
    tensor(Float32Array.from(data), { shape, requiresGrad: true }),
  );
  const loss = scope(() => {
    const made = lossOf(leaves, graph);
    made.backward();
    return made;
  });
  expect(firstDifference([await loss.item()], [graph.loss], FOURTEEN_OPERATIONS)).toBeUndefined();
  for (const [i, expected] of graph.grads.entries()) {
    const { grad } = leaves[i];
    if (!expected || !grad) expect(grad).toBe(expected);
    else expect(firstDifference(await grad.data(), expected, FOURTEEN_OPERATIONS)).toBeUndefined();
  }
  for (const each of [loss, ...leaves]) {
    each.grad?.dispose();
    each.dispose();
  }
});

it('the graphs leave nothing behind', () => {
  // Two buffers: the page of scalars, and that of other small results.
  expect(device.pool.usedBuffers).toBe(2);
});
