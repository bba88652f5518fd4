/** Checks of the options that make tensors: names and kinds. What the values mean is create.ts's. */
import { checkDevice } from '../gpu/default-device.js';
import { badArgument, checkBoolean } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import type { Generator } from '../random/generator.js';
import type { RandomOptions, TensorOptions } from './create.js';
import { checkDtype } from './dtype.js';

/** Throws unless `generator` draws numbers. */
export function checkGenerator(where: string, generator: unknown): void {
  const { engine, uniform } = (generator ?? {}) as Partial<Generator>;
  if (typeof engine === 'object' && typeof uniform === 'function') return;
  throw badArgument(where, 'the generator', generator, 'new Generator(seed) fits');
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
