/**
 * The public API of `lockstep-gpu`: re-exports only.
 */

export { type AdapterListing, listAdapters } from './gpu/dawn.js';
export { defaultDevice } from './gpu/default-device.js';
export { Device, type DeviceInfo, type MemoryUse } from './gpu/device.js';
export { type ErrorCode, LockstepError } from './gpu/errors.js';
export { noAdapterMessage } from './gpu/no-adapter.js';
export { type OpenOptions, openDevice } from './gpu/open.js';
export type { PipelineDescriptor } from './gpu/pipelines.js';
export type { WaitOptions } from './gpu/readback.js';
export { BufferUsage } from './gpu/usage.js';
