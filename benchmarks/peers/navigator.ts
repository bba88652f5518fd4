/** `navigator` with WebGPU, here from Dawn, for peers that were written for browsers. Import it first. */
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
Object.defineProperty(globalThis, 'navigator', {
  value: { gpu: create([]), userAgent: 'Node', platform: process.platform, hardwareConcurrency: 1 },
  configurable: true,
});
