/**
 * The CPU's side of the operation table: float64 arrays with shapes, and the few loops that all rules are made of.
 * Slow and plain on purpose.
 */
import {
  broadcastShapes,
  broadcastStrides,
  contiguousStrides,
  numelOf,
  type Shape,
} from '../../../src/tensor/shape.js';

export interface Host {
  shape: Shape;
  data: Float64Array;
}

export const host = (shape: Shape, data?: ArrayLike<number>): Host => ({
  shape,
  data: data ? Float64Array.from(data) : new Float64Array(numelOf(shape)),
});

/** Visits every index of a shape, row-major. */
export function eachIndex(shape: Shape, visit: (index: number[], at: number) => void): void {
  const index = shape.map(() => 0);
  for (let at = 0; at < numelOf(shape); at++) {
    visit(index, at);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

const dot = (index: readonly number[], strides: Shape) =>
  index.reduce((sum, i, axis) => sum + i * strides[axis], 0);

/** One element from the operands' elements, broadcast. */
export function mapRule(rule: (...values: number[]) => number, operands: readonly Host[]): Host {
  const shape = broadcastShapes('rule', ...operands.map((operand) => operand.shape));
  const strides = operands.map((each) => broadcastStrides(each.shape, contiguousStrides(each.shape), shape));
  const out = host(shape);
  eachIndex(shape, (index, at) => {
    out.data[at] = rule(...operands.map(({ data }, i) => data[dot(index, strides[i])]));
  });
  return out;
}

/** Reduces axes (from the front) by a function of the elements' list. */
export function reduceRule(
  rule: (values: number[]) => number,
  input: Host,
  axes: Shape,
  keepdim: boolean,
): Host {
  const kept = input.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const lists: number[][] = Array.from({ length: numelOf(kept) }, () => []);
  const strides = contiguousStrides(kept);
  eachIndex(input.shape, (index, at) => {
    lists[
      dot(
        index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
        strides,
      )
    ].push(input.data[at]);
  });
  const shape = keepdim ? kept : input.shape.filter((_, axis) => !axes.includes(axis));
  return host(shape, lists.map(rule));
}

export const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Elements picked by a function from the result's index to the input's. */
export function gatherRule(input: Host, shape: Shape, from: (index: number[]) => readonly number[]): Host {
  const strides = contiguousStrides(input.shape);
  const out = host(shape);
  eachIndex(shape, (index, at) => {
    out.data[at] = input.data[dot(from(index), strides)];
  });
  return out;
}

/** `[..., m, k] @ [..., k, n]`, batch axes broadcast. */
export function matmulRule(a: Host, b: Host): Host {
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const batch = broadcastShapes('rule', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [sa, sb] = [a, b].map(({ shape }) => {
    const strides = contiguousStrides(shape);
    return [...broadcastStrides(shape.slice(0, -2), strides.slice(0, -2), batch), ...strides.slice(-2)];
  });
  const out = host([...batch, m, n]);
  eachIndex(out.shape, (index, at) => {
    const lead = index.slice(0, -2);
    const [i, j] = index.slice(-2);
    for (let x = 0; x < k; x++)
      out.data[at] += a.data[dot([...lead, i, x], sa)] * b.data[dot([...lead, x, j], sb)];
  });
  return out;
}

/** All axes in reverse order. */
export const transposedRule = (x: Host): Host =>
  gatherRule(x, [...x.shape].reverse(), (index) => [...index].reverse());
