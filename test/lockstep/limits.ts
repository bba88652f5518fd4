/** A device that says it can do less than it can. No assertions. */
import type { Device } from '../../src/gpu/device.js';

/** The same device with other limits. */
export function withLimits(device: Device, other: Readonly<Record<string, number>>): Device {
  const limits = new Proxy(device.limits, {
    get: (target, name) => other[name as string] ?? Reflect.get(target, name, target),
  });
  return new Proxy(device, {
    get(target, name) {
      if (name === 'limits') return limits;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
