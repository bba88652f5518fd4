/** The options of the functions that make tensors, and the check of their names and kinds. create.ts uses their values. */
import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { checkBoolean } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { checkGenerator, type Generator } from '../random/generator.js';
import { checkDtype, type DType } from './dtype.js';

/** Where and how a tensor is made. */
export interface TensorOptions {
  /** Default: the first device opened that is still open. */
  device?: Device;
  /** Default: f32, or the dtype that the values have. */
  dtype?: DType;
  /** Compute gradients by this tensor. Default false. */
  requiresGrad?: boolean;
}

/** Options of the random constructors. */
export interface RandomOptions extends Omit<TensorOptions, 'dtype'> {
  /** The source of the numbers. Default: one of the whole program, seeded by `manualSeed`. */
  generator?: Generator;
}

/** Throws for unknown names and wrong kinds. `others` are the names that the caller checks itself. */
export function checkTensorOptions(
  where: string,
  options: TensorOptions,
  others: readonly string[] = ['requiresGrad'],
): void {
  checkOptionNames(where, options, ['dtype', 'device', ...others]);
  const { device, dtype, requiresGrad } = options;
  if (device !== undefined) checkDevice(where, device);
  if (dtype !== undefined) checkDtype(where, dtype);
  if (requiresGrad !== undefined) checkBoolean(where, 'requiresGrad', requiresGrad);
}

/** As {@link checkTensorOptions}, of the random constructors. */
export function checkRandomOptions(where: string, options: RandomOptions): void {
  checkOptionNames(where, options, ['generator', 'device', 'requiresGrad']);
  const { device, generator, requiresGrad } = options;
  if (device !== undefined) checkDevice(where, device);
  if (generator !== undefined) checkGenerator(where, generator);
  if (requiresGrad !== undefined) checkBoolean(where, 'requiresGrad', requiresGrad);
}
