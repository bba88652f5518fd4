/** What is known of a device, as data. */

/** The adapter's maker and abilities. Values that the implementation does not tell are empty or 0. */
export interface DeviceInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** `vulkan`, `metal`, `d3d12`, …, where known. */
  backend?: string;
  /** Lanes a subgroup; 0 where the device has no subgroups. */
  subgroupMinSize: number;
  subgroupMaxSize: number;
  /** True for drivers that compute on the CPU (lavapipe, SwiftShader, WARP). */
  isCpu: boolean;
}

/** What the library's buffers on a device take. */
export interface MemoryUse {
  /** Buffers in use. */
  buffers: number;
  /** Bytes of the buffers in use. */
  bytes: number;
  /** The most bytes that the device held at once, in use or kept. */
  peak: number;
  /** Bytes of the buffers that are free and kept for the next tensor; `trim()` destroys them. */
  pooled: number;
}
