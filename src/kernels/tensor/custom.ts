/** Runs a user's WGSL kernel over tensors: one dispatch, which makes one new tensor. */

import { checkList, checkNumber, checkObject, checkText } from '../../platform/arguments.js';
import { bytesOf, checkArray } from '../../platform/bytes.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { checkTensorList } from '../../tensor/check-tensor.js';
import { checkDtype, type DType } from '../../tensor/dtype.js';
import { refuseModels } from '../../tensor/over-models.js';
import { checkShape, type Shape } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { copyDense } from './elementwise.js';
import { commonDevice, launch } from './launch.js';

/** WebGPU's default limit of a uniform binding. */
const MOST_PARAMS_BYTES = 65536;

/** A WGSL kernel of your own, and what it runs on. */
export interface KernelCall {
  /** Names the kernel in errors and profilers. */
  label: string;
  /**
   * WGSL with the entry point `main`. Bindings in group 0: binding 0 is a uniform with the params, if there are any;
   * from binding 1 on come the inputs, as `var<storage, read>`; then the output, as `var<storage, read_write>`. The
   * code has to use every binding. Elements are f32, i32 or u32; a bool is a u32 of 0 or 1.
   */
  code: string;
  /** The kernel sees them dense, row-major, from the first element of their buffer. */
  inputs: readonly Tensor[];
  /** 32-bit words, whose bits are passed as they are: `Uint32Array.of(n)`, or a Float32Array. */
  params?: Uint32Array | Int32Array | Float32Array;
  /** The result. Default dtype f32. */
  output: { shape: Shape; dtype?: DType };
  /** Workgroups along x, y and z. */
  workgroups: readonly [number, number?, number?];
  /** Floating-point operations of one call, for profiles. Default: not known. */
  flops?: number;
}

/**
 * Runs a WGSL kernel and returns the tensor that it wrote. Gradients do not pass through it; {@link defineOp} makes a
 * differentiable operation of it. A buffer can be longer than its tensor, so bound loops by params, not by
 * `arrayLength`.
 *
 * @example
 * const doubled = runKernel({
 *   label: 'double',
 *   code: `
 *     @group(0) @binding(0) var<uniform> n: vec4u;
 *     @group(0) @binding(1) var<storage, read> x: array<f32>;
 *     @group(0) @binding(2) var<storage, read_write> y: array<f32>;
 *     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
 *       if (id.x < n.x) { y[id.x] = 2.0 * x[id.x]; }
 *     }`,
 *   inputs: [x],
 *   params: Uint32Array.of(x.numel, 0, 0, 0),
 *   output: { shape: x.shape },
 *   workgroups: [Math.ceil(x.numel / 64)],
 * });
 */
export function runKernel(call: KernelCall): Tensor {
  checkCall(call);
  const { label, code, inputs, params, output, workgroups, flops } = call;
  refuseModels(label, inputs);
  if (inputs.length === 0)
    throw new LockstepError('bad-input', `${label}: a kernel needs at least one input.`);
  const device = commonDevice(label, inputs);
  const ready = inputs.map((input) =>
    input.contiguous && input.offset === 0 ? input.detach() : copyDense(input),
  );
  const result = Tensor.empty(device, output.shape, output.dtype ?? 'f32');
  launch({
    label,
    key: `custom|${code}`,
    code: () => code,
    tensors: [...ready, result],
    params: params && wordsOf(label, params),
    grid: workgroups,
    flops: () => flops,
  });
  for (const input of ready) input.dispose();
  return result;
}

/** The params' bits, not their values: a float converted to a whole number would be another number. */
function wordsOf(label: string, params: NonNullable<KernelCall['params']>): Uint32Array {
  checkArray(`${label}: params`, params, 'Uint32Array', 'Int32Array', 'Float32Array');
  if (params.length * 4 > MOST_PARAMS_BYTES) {
    throw new LockstepError(
      'bad-input',
      `${label}: params has ${params.length} words; a uniform holds ${MOST_PARAMS_BYTES / 4}. Pass more as a tensor.`,
    );
  }
  return new Uint32Array(bytesOf(label, params).slice().buffer);
}

const NAMES = ['label', 'code', 'inputs', 'params', 'output', 'workgroups', 'flops'];

function checkCall(call: KernelCall): void {
  checkObject('runKernel', 'the argument', call, `one object with ${NAMES.join(', ')} fits`);
  checkOptionNames('runKernel', call, NAMES);
  const { label, code, inputs, output, workgroups, flops } = call;
  checkText('runKernel', 'the label', label);
  checkText(label, 'the code', code);
  checkTensorList(label, 'inputs', inputs);
  checkObject(label, 'the output', output, '{ shape, dtype } fits');
  checkOptionNames(`${label}, output`, output, ['shape', 'dtype']);
  checkShape(label, output.shape);
  if (output.dtype !== undefined) checkDtype(label, output.dtype);
  checkList(label, 'workgroups', workgroups, 'a list fits, as [64]');
  checkNumber(label, 'the length of workgroups', workgroups.length, { min: 1, max: 3, whole: true });
  workgroups.forEach((count, i) => {
    checkNumber(label, `workgroups[${i}]`, count, { min: 0, whole: true });
  });
  if (flops !== undefined) checkNumber(label, 'flops', flops, { min: 0 });
}
