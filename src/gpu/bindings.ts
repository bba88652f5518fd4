/**
 * Makes bind groups, which assign buffers to the `@binding`s of group 0. The launches of tensors bind the same buffers again
 * at every step, so their groups are kept.
 */

/** A buffer as a kernel sees it. */
export interface Binding {
  buffer: GPUBuffer;
  /** The byte at which the kernel's view begins. Default 0. */
  offset?: number;
  /** How many bytes the kernel sees; `arrayLength` in WGSL follows from it. Default: up to the buffer's end. */
  bytes?: number;
}

/** The most groups that are kept. One more, and all are forgotten. */
const MOST_GROUPS = 8192;

/** Layouts that were asked for: a pipeline makes a new object each time. */
const layouts = new WeakMap<GPUComputePipeline, GPUBindGroupLayout>();

function layoutOf(pipeline: GPUComputePipeline): GPUBindGroupLayout {
  const known = layouts.get(pipeline);
  if (known) return known;
  const layout = pipeline.getBindGroupLayout(0);
  layouts.set(pipeline, layout);
  return layout;
}

/**
 * The bind group of a pipeline whose layout is `auto`. Element n goes to `@binding(n)`; undefined leaves it unbound. There must
 * be an element for every binding that the shader uses, and no other.
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

/** Bind groups that are kept for the next launch with the same buffers: making one costs more than recording a launch. */
export class BindGroups {
  readonly #gpu: GPUDevice;
  readonly #ids = new WeakMap<object, number>();
  readonly #groups = new Map<string, GPUBindGroup>();
  #nextId = 0;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** The group with `uniform` at binding 0, where it is given, and `bindings` from 1 on. */
  get(pipeline: GPUComputePipeline, bindings: readonly Binding[], uniform?: Binding): GPUBindGroup {
    let key = `${this.#idOf(pipeline)}:${uniform?.offset}:${uniform?.bytes}`;
    for (const { buffer, offset, bytes } of bindings) key += `:${this.#idOf(buffer)},${offset},${bytes}`;
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
