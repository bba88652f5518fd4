/**
 * Shape arithmetic: extents, strides, broadcasting, axes. Numbers only; no tensor and no device.
 *
 * A shape is a list of extents, outermost first; strides are in elements. `where` names the operation in errors.
 */
import { badArgument } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';

/** A tensor's extents, the outermost first; `[]` is one number. */
export type Shape = readonly number[];

/** Elements of a shape; 1 for a scalar's `[]`. */
export const numelOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** A shape as errors show it: `[2, 3]`. */
export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** True when two shapes have the same extents. */
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);

/** Throws unless every extent is a whole number of 0 or more. */
export function checkShape(where: string, shape: Shape): void {
  checkShapeList(where, shape);
  // Spread first, as every() skips holes.
  if (![...shape].every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    const shown = `[${[...shape].map((extent) => printable(extent)).join(', ')}]`;
    throw new LockstepError(
      'bad-input',
      `${where}: ${shown} is no shape; a shape is a list of whole numbers of 0 or more.`,
    );
  }
  if (!Number.isSafeInteger(shape.reduce((product, extent) => product * Math.max(1, extent), 1))) {
    throw new LockstepError(
      'bad-input',
      `${where}: ${showShape(shape)} is no shape; its strides are beyond 2^53.`,
    );
  }
}

/** Throws unless the shape is a list. Its extents are checked elsewhere. */
function checkShapeList(where: string, shape: unknown): void {
  if (Array.isArray(shape)) return;
  throw badArgument(where, 'the shape', shape, 'a shape is a list, as [2, 3]');
}

/** Strides of a dense row-major tensor. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= Math.max(1, shape[axis]);
  }
  return strides;
}

/** True when the elements lie row-major without gaps; the strides of extents 0 and 1 do not count. */
export function isContiguous(shape: Shape, strides: Shape): boolean {
  if (numelOf(shape) <= 1) return true;
  const dense = contiguousStrides(shape);
  return shape.every((extent, axis) => extent === 1 || strides[axis] === dense[axis]);
}

/**
 * NumPy's broadcasting: shapes are aligned at their last axes; extents must be equal, or one of them 1.
 *
 * @example
 * broadcastShapes('add', [8, 1, 3], [4, 1]); // [8, 4, 3]
 */
export function broadcastShapes(where: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const axis = rank - shape.length + i;
      const extent = shape[i];
      if (extent === 1 || extent === result[axis]) continue;
      if (result[axis] === 1) {
        result[axis] = extent;
        continue;
      }
      throw new LockstepError(
        'bad-input',
        `${where}: the shapes ${shapes.map(showShape).join(' and ')} do not broadcast: at axis ${axis - rank} from ` +
          `the end, ${result[axis]} and ${extent} differ and neither is 1.`,
      );
    }
  }
  return result;
}

/** Strides that show a tensor in the larger shape `target`: 0 along the axes on which it is repeated. */
export function broadcastStrides(shape: Shape, strides: Shape, target: Shape): number[] {
  const added = target.length - shape.length;
  return target.map((extent, axis) => {
    const own = axis - added;
    return own < 0 || (shape[own] === 1 && extent !== 1) ? 0 : strides[own];
  });
}

/** The axes over which a gradient of shape `from` has to be summed to fit an operand of shape `to`. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const added = from.length - to.length;
  return from.flatMap((extent, axis) =>
    axis < added || (to[axis - added] === 1 && extent !== 1) ? [axis] : [],
  );
}

/** An axis counted from the front; negative ones count from the end. */
export function normalizeAxis(where: string, axis: number, rank: number): number {
  if (typeof axis !== 'number') throw badArgument(where, 'the axis', axis, 'a whole number fits');
  const from = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || from < 0 || from >= rank) {
    throw new LockstepError(
      'bad-input',
      `${where}: axis ${axis} is not among those of a tensor with ${rank} axes (${-rank} to ${rank - 1}).`,
    );
  }
  return from;
}

/** Axes from the front, ascending; all of them for `undefined`. */
export function normalizeAxes(where: string, axes: number | Shape | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  if (typeof axes !== 'number' && !Array.isArray(axes)) {
    throw badArgument(
      where,
      'the axis',
      axes,
      `a whole number or a list of them fits, as ${where}(x, 1); options come after it`,
    );
  }
  const list = (typeof axes === 'number' ? [axes] : [...axes]).map((axis) =>
    normalizeAxis(where, axis, rank),
  );
  if (new Set(list).size !== list.length) {
    throw new LockstepError('bad-input', `${where}: the axes ${showShape(list)} name one twice.`);
  }
  return list.sort((a, b) => a - b);
}

/** The shape left by a reduction over `axes` (from the front). */
export function reducedShape(shape: Shape, axes: Shape, keepdim: boolean): number[] {
  return shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepdim ? [1] : []) : [extent]));
}

/** Checks a new shape for the same elements. One extent may be -1; it follows from the others. */
export function resolveReshape(where: string, from: Shape, to: Shape): number[] {
  checkShapeList(where, to);
  const odd = to.find((extent) => typeof extent !== 'number');
  if (odd !== undefined) throw badArgument(where, 'an extent', odd, 'extents are whole numbers');
  const total = numelOf(from);
  const known = to.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  const open = to.filter((extent) => extent === -1).length;
  const fits = open === 0 ? known === total : open === 1 && known > 0 && total % known === 0;
  if (!fits || to.some((extent) => !Number.isInteger(extent) || extent < -1)) {
    throw new LockstepError(
      'bad-input',
      `${where}: ${showShape(from)} with ${total} elements cannot become ${showShape(to)}` +
        `${open > 1 ? '; only one extent may be -1' : ''}.`,
    );
  }
  return to.map((extent) => (extent === -1 ? total / known : extent));
}

/** Extents and each operand's strides, with neighbouring axes merged where every operand allows it. */
interface Collapsed {
  shape: number[];
  strides: number[][];
}

/**
 * Merges neighbouring axes that in all operands have the strides of a single axis, and drops extents of 1. Kernels then need
 * fewer divisions an element. `strides` holds one list an operand.
 */
export function collapse(shape: Shape, strides: readonly Shape[]): Collapsed {
  const out: Collapsed = { shape: [], strides: strides.map(() => []) };
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const last = out.shape.length - 1;
    const merges = last >= 0 && strides.every((list, i) => out.strides[i][last] === list[axis] * shape[axis]);
    if (merges) {
      out.shape[last] *= shape[axis];
      strides.forEach((list, i) => {
        out.strides[i][last] = list[axis];
      });
    } else {
      out.shape.push(shape[axis]);
      strides.forEach((list, i) => {
        out.strides[i].push(list[axis]);
      });
    }
  }
  return out;
}
