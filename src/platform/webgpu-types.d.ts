/**
 * The few types of WebGPU (and AbortSignal) that the published declarations speak of: the program's own where it has them,
 * from TypeScript's `dom` (6 and newer), from `@webgpu/types` or `@types/node`; else the little that this library shows
 * of them. So nothing global is declared, which would clash with whichever of them a program has. The build puts this file
 * beside the declarations, which import it; the sources use the global names.
 */

/** The instance type of a global class, where there is one. */
type Global<Name extends string, Otherwise> = typeof globalThis extends {
  [K in Name]: { prototype: infer Instance };
}
  ? Instance
  : Otherwise;

interface Labelled {
  label: string;
}

interface SomeDevice extends Labelled {
  readonly features: GPUSupportedFeatures;
  readonly limits: GPUSupportedLimits;
  readonly lost: Promise<GPUDeviceLostInfo>;
  destroy(): void;
}

export type GPUDevice = Global<'GPUDevice', SomeDevice>;
export type GPUBuffer = Global<'GPUBuffer', Labelled & { readonly size: number; destroy(): void }>;
export type GPUComputePipeline = Global<'GPUComputePipeline', Labelled>;
export type GPUDeviceLostInfo = Global<
  'GPUDeviceLostInfo',
  { readonly message: string; readonly reason: string }
>;
export type GPUSupportedFeatures = Global<'GPUSupportedFeatures', ReadonlySet<string>>;
export type GPUSupportedLimits = Global<'GPUSupportedLimits', { readonly [name: string]: number }>;
export type GPU = Global<'GPU', object>;
export type GPUAdapter = Global<'GPUAdapter', object>;
export type GPUCommandBuffer = Global<'GPUCommandBuffer', Labelled>;
export type GPUCommandEncoder = Global<'GPUCommandEncoder', Labelled>;
export type GPUComputePassEncoder = Global<
  'GPUComputePassEncoder',
  Labelled & { setBindGroup(...values: never[]): void }
>;
export type GPUQueue = Global<'GPUQueue', Labelled & { submit(buffers: Iterable<GPUCommandBuffer>): void }>;
export type GPURequestAdapterOptions = object;
export type GPUCommandBufferDescriptor = object;
export type GPUComputePassDescriptor = object;
export type GPUBindGroup = Global<'GPUBindGroup', Labelled>;
export type GPUComputePassTimestampWrites = object;
export type GPUBufferUsageFlags = number;
export type GPUFeatureName = 'shader-f16' | 'subgroups' | 'timestamp-query' | (string & {});
export type GPUPowerPreference = 'low-power' | 'high-performance';
export type AbortSignal = Global<'AbortSignal', { readonly aborted: boolean; readonly reason: unknown }>;
