/** What every launcher shares: params as words, and the dispatch of a shader over tensors. */

import type { Device } from '../../gpu/device.js';
import type { DeviceCheck } from '../../gpu/flag.js';
import type { LaunchNote } from '../../gpu/observer.js';
import type { ShaderOptions } from '../../gpu/pipelines.js';
import { LockstepError } from '../../platform/errors.js';
import type { Tensor } from '../../tensor/tensor.js';

/** A float32 and the same bits as a word. */
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Collects 32-bit words for a kernel's uniform. */
export class Words {
  readonly #words: number[] = [];

  /** Whole numbers. Negative ones, as strides and offsets may be, are written as two's complement. */
  u32(...values: number[]): this {
    for (const value of values) this.#words.push(value >>> 0);
    return this;
  }

  f32(...values: number[]): this {
    for (const value of values) {
      float[0] = value;
      this.#words.push(bits[0]);
    }
    return this;
  }

  done(): Uint32Array {
    return new Uint32Array(this.#words);
  }
}

interface Launch {
  label: string;
  /** Identifies the shader: equal keys mean equal code. */
  key: string;
  /** Makes the WGSL. Called once for each device and key. */
  code: () => string;
  /** Bound from 1 on. */
  tensors: readonly Tensor[];
  /**
   * What the kernel may refuse. The error flag is then bound after the tensors, and the params hold the check's
   * ticket.
   */
  check?: DeviceCheck;
  /** Bound at 0. */
  params?: Uint32Array;
  grid: readonly [number, number?, number?];
  /** What the code was made from. */
  options?: ShaderOptions;
  /** Floating-point operations, counted as src/gpu/cost.ts says. Called only while a profile is taken. */
  flops: () => number | undefined;
  /** Bytes read and written. Default: those of every tensor once. */
  bytes?: () => number;
}

/** Bytes of a tensor's elements; along a broadcast axis they count once. */
function bytesOf({ shape, strides }: Tensor): number {
  return shape.reduce((bytes, extent, axis) => (strides[axis] === 0 ? bytes : bytes * extent), 4);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The device that all of these tensors are on. */
export function commonDevice(label: string, tensors: readonly Tensor[]): Device {
  const [first, ...others] = tensors.map((tensor) => tensor.device);
  if (others.some((device) => device !== first)) {
    throw new LockstepError('bad-input', `${label}: the tensors are on different devices.`);
  }
  return first;
}

const compiled = new WeakMap<Device, Map<string, GPUComputePipeline>>();

/** Records the dispatch of a kernel over tensors. */
export function launch(what: Launch): void {
  const { label, key, code, tensors, check, params, grid, options, flops, bytes } = what;
  const device = commonDevice(label, tensors);
  device.check();
  let pipelines = compiled.get(device);
  if (!pipelines) {
    pipelines = new Map();
    compiled.set(device, pipelines);
  }
  let pipeline = pipelines.get(key);
  if (!pipeline) {
    pipeline = device.pipelineNow({ label, code: code(), options });
    pipelines.set(key, pipeline);
  }
  const bindings = tensors.map((tensor) => ({ buffer: tensor.storage.buffer }));
  if (check) bindings.push({ buffer: device.flag.buffer });
  const note = (): LaunchNote => ({
    bytes: bytes ? bytes() : sum(tensors.map(bytesOf)),
    flops: flops(),
    shapes: tensors.map(({ shape, dtype }) => `${dtype}[${shape.join(', ')}]`).join(' '),
  });
  device.commands.dispatch({ pipeline, bindings, params, grid, note });
}
