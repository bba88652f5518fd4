/**
 * Launches elementwise expressions over tensors that broadcast (shaders/tensor/elementwise.wgsl.ts).
 * elementwise-ops.ts lists the operations.
 */
import {
  ELEMENTWISE_WORKGROUP,
  type ElementwiseShaderOptions,
  elementwiseShader,
} from '../../../shaders/tensor/elementwise.wgsl.js';
import type { Device } from '../../gpu/device.js';
import type { DeviceCheck } from '../../gpu/flag.js';
import { checkDtype, type DType, scalarBits, wgslType } from '../../tensor/dtype.js';
import {
  broadcastShapes,
  broadcastStrides,
  collapse,
  contiguousStrides,
  numelOf,
  type Shape,
} from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { operationsIn } from './count-operations.js';
import { commonDevice, launch, Words } from './launch.js';

/** The most workgroups; with more elements, an invocation loops over several. */
const MOST_GROUPS = 4096;

/** A tensor, or a number of the operation's dtype. */
export type Operand = Tensor | number;

/** A check of elements, in WGSL that uses the operands' names. */
export interface ElementCheck extends DeviceCheck {
  /** The condition under which an element is refused. */
  refuses: string;
  /** The refused value's bits, a u32. */
  bits: string;
}

export interface Elementwise {
  /** Names the operation in errors and profilers. */
  label: string;
  /** WGSL over the operands' names. */
  expression: string;
  operands: Readonly<Record<string, Operand>>;
  /** The dtype of numbers among the operands. Default f32. */
  scalarDtype?: DType;
  /** Numbers that are f32 whatever dtype the operands have. */
  scalars?: Readonly<Record<string, number>>;
  /** Default: the dtype of the first tensor. */
  dtype?: DType;
  /** The result's shape, to which operands broadcast. Default: the shape that they broadcast to together. */
  shape?: Shape;
  /** Written to instead of a new tensor; its shape is that of the result. It must not share memory with operands. */
  into?: Tensor;
  /** Which elements are refused. */
  check?: ElementCheck;
  /** Needed when no operand is a tensor. */
  device?: Device;
}

function keyOf({
  inputs,
  scalars,
  output,
  rank,
  dense,
  expression,
  check,
}: ElementwiseShaderOptions): string {
  const names = [...inputs, ...scalars].map(({ name, type }) => `${name}:${type}`).join();
  return `${expression}|${names}|${inputs.length}|${output}|${rank}|${dense}|${check?.refuses}`;
}

/** Computes each element of a new tensor (or of `into`) from the operands' elements at the same place. */
export function elementwise(options: Elementwise): Tensor {
  const { label, expression, operands, scalarDtype = 'f32', into, check } = options;
  const tensors = Object.entries(operands).filter(
    (entry): entry is [string, Tensor] => typeof entry[1] !== 'number',
  );
  const numbers = Object.entries(operands).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  const inputs = tensors.map(([, tensor]) => tensor);
  const shape = into?.shape ?? options.shape ?? broadcastShapes(label, ...inputs.map((input) => input.shape));
  const dtype = into?.dtype ?? options.dtype ?? inputs[0]?.dtype ?? scalarDtype;
  const device = options.device ?? into?.device ?? commonDevice(label, inputs);
  const output = into ?? Tensor.empty(device, shape, dtype);
  const n = numelOf(shape);
  if (n === 0) return output;

  const walked = [
    ...inputs.map((input) => broadcastStrides(input.shape, input.strides, shape)),
    output.strides,
  ];
  const { shape: extents, strides } = collapse(shape, walked);
  const scalars = Object.entries(options.scalars ?? {});
  const words = new Words().u32(n);
  for (const [, value] of numbers) words.u32(scalarBits(scalarDtype, value));
  for (const [, value] of scalars) words.f32(value);
  if (check) words.u32(device.flag.ticket(check));
  words.u32(...extents);
  [...inputs, output].forEach((tensor, i) => {
    words.u32(tensor.offset, ...strides[i]);
  });
  const dense = strides[inputs.length].every((stride, axis) => stride === contiguousStrides(extents)[axis]);
  const shader: ElementwiseShaderOptions = {
    inputs: tensors.map(([name, tensor]) => ({ name, type: wgslType(tensor.dtype) })),
    scalars: [
      ...numbers.map(([name]) => ({ name, type: wgslType(scalarDtype) })),
      ...scalars.map(([name]) => ({ name, type: 'f32' })),
      ...(check ? [{ name: 'ticket', type: 'u32' }] : []),
    ],
    output: wgslType(dtype),
    rank: extents.length,
    dense,
    expression,
    check,
  };
  const groups = Math.min(MOST_GROUPS, Math.ceil(n / ELEMENTWISE_WORKGROUP));
  launch({
    label,
    key: keyOf(shader),
    code: () => elementwiseShader(shader),
    tensors: [...inputs, output],
    check,
    params: words.done(),
    grid: [groups],
    options: { expression, rank: shader.rank, dense },
    flops: () =>
      (shader.output === 'f32' || shader.inputs.some(({ type }) => type === 'f32') ? n : 0) *
      operationsIn(expression),
  });
  return output;
}

/** A dense copy of a tensor: its elements in row-major order, in memory of their own. */
export function copyDense(input: Tensor): Tensor {
  return elementwise({ label: 'copy', expression: 'a', operands: { a: input } });
}

/** The tensor itself, by another handle on its memory, if it is dense; else a dense copy. */
export function dense(input: Tensor): Tensor {
  return input.contiguous ? input.detach() : copyDense(input);
}

/** A new tensor filled with one value. */
export function filled(device: Device, shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
  return elementwise({
    label: 'fill',
    expression: 'a',
    operands: { a: value },
    scalarDtype: dtype,
    dtype,
    shape,
    device,
  });
}

/**
 * Converts elements. To bool: all but 0 become true, NaN too. From float to whole number: rounded towards zero;
 * values out of range become the nearest one in range, NaN becomes 0.
 */
export function cast(input: Tensor, dtype: DType): Tensor {
  checkDtype('cast', dtype);
  const type = wgslType(dtype);
  const from = wgslType(input.dtype);
  const ofFloat = { i32: 'toI32(a)', u32: 'toU32(a)', f32: 'a', bool: 'toBool(a)' }[dtype];
  const ofWhole = dtype === 'bool' ? `select(0u, 1u, a != ${from}(0))` : `${type}(a)`;
  const expression = from === 'f32' ? ofFloat : ofWhole;
  return elementwise({ label: `cast to ${dtype}`, expression, operands: { a: input }, dtype });
}
