/**
 * Makes bind groups, which assign buffers to the `@binding`s of group 0. All bind groups are made here. For callers that bind at
 * every launch, as tensors do, groups are kept for the next launch with the same buffers.
 */

/** A buffer as a kernel sees it. */
export interface Binding {
  buffer: GPUBuffer;
  /** Where the kernel's view begins. Default 0. */
  offset?: number;
  /** Bytes that the kernel sees: `arrayLength` counts them, not the buffer's. Default: to the end. */
  bytes?: number;
}

/** Groups kept at most; then all are forgotten. */
const MOST_GROUPS = 8192;

/** Asking a pipeline for its layout makes a new object each time. */
const layouts = new WeakMap<GPUComputePipeline, GPUBindGroupLayout>();

function layoutOf(pipeline: GPUComputePipeline): GPUBindGroupLayout {
  const known = layouts.get(pipeline);
  if (known) return known;
  const layout = pipeline.getBindGroupLayout(0);
  layouts.set(pipeline, layout);
  return layout;
}

/**
 * The bind group of a pipeline whose layout is `auto`: the n-th element goes to `@binding(n)`, a hole stays unbound.
 * Every binding that the shader uses must be there, and no other.
 */
export function bindGroup(
  gpu: GPUDevice,
  pipeline: GPUComputePipeline,
  bindings: readonly (GPUBuffer | Binding | undefined)[],
): GPUBindGroup {
  const entries = bindings.flatMap((bound, binding): GPUBindGroupEntry[] => {
    if (!bound) return [];
    if (!('buffer' in bound)) return [{ binding, resource: { buffer: bound } }];
    const { buffer, offset, bytes } = bound;
    const size = bytes === undefined ? undefined : Math.max(4, Math.ceil(bytes / 4) * 4);
    return [{ binding, resource: { buffer, offset, size } }];
  });
  return gpu.createBindGroup({ layout: layoutOf(pipeline), entries });
}

/**
 * Groups that are kept: a training loop repeats its launches every step, and making a bind group costs more than
 * recording the launch.
 */
export class BindGroups {
  readonly #gpu: GPUDevice;
  readonly #ids = new WeakMap<object, number>();
  readonly #groups = new Map<string, GPUBindGroup>();
  #nextId = 0;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** The group with the uniform at binding 0, where there is one, and the bindings from 1 on. */
  get(pipeline: GPUComputePipeline, bindings: readonly Binding[], uniform?: Binding): GPUBindGroup {
    let key = `${this.#idOf(pipeline)}:${uniform?.offset}:${uniform?.bytes}`;
    for (const { buffer, bytes } of bindings) key += `:${this.#idOf(buffer)},${bytes}`;
    let group = this.#groups.get(key);
    if (!group) {
      group = bindGroup(this.#gpu, pipeline, [uniform, ...bindings]);
      if (this.#groups.size >= MOST_GROUPS) this.#groups.clear();
      this.#groups.set(key, group);
    }
    return group;
  }

  clear(): void {
    this.#groups.clear();
  }

  #idOf(object: object): number {
    let id = this.#ids.get(object);
    if (id === undefined) {
      id = this.#nextId++;
      this.#ids.set(object, id);
    }
    return id;
  }
}
