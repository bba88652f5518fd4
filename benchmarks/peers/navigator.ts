/** What peers that were written for browsers look for: `navigator` with WebGPU, here from Dawn. Import it first. */
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
Object.defineProperty(globalThis, 'navigator', {
  value: { gpu: create([]), userAgent: 'Node', platform: process.platform, hardwareConcurrency: 1 },
  configurable: true,
});
