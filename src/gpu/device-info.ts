/** Data about a device: what it is, and how much memory its buffers take. */

/** The adapter that a device belongs to. Values that WebGPU does not tell are empty or 0. */
export interface DeviceInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** `vulkan`, `metal`, `d3d12`, …, where known. */
  backend?: string;
  /** The fewest and the most invocations of a subgroup; 0 where the device has no subgroups. */
  subgroupMinSize: number;
  subgroupMaxSize: number;
  /**
   * The matrices that a subgroup multiplies, rows x columns x length of a sum, as `16 x 16 x 16, f16 to f32`; absent where the
   * device has none or they were not asked for.
   */
  subgroupMatrices?: readonly string[];
  /** True for drivers that compute on the CPU (lavapipe, SwiftShader, WARP). */
  isCpu: boolean;
}

/** The memory of the library's buffers on a device. */
export interface MemoryUse {
  /** How many buffers are in use. */
  buffers: number;
  /** Bytes of the buffers in use. */
  bytes: number;
  /** The most bytes that the device held at once, in use or kept. */
  peak: number;
  /** Bytes of the buffers that are free and kept for the next tensor; `trim()` destroys them. */
  pooled: number;
}
