/**
 * Bind groups, kept for the next launch with the same buffers: a training loop repeats its launches every step, and
 * making a bind group costs more than recording the launch.
 */

/** A buffer as a kernel sees it, from its start. */
export interface Binding {
  buffer: GPUBuffer;
  /** Bytes that the kernel sees: `arrayLength` counts them, not the buffer's. Default: all of it. */
  bytes?: number;
}

/** Groups kept at most; then all are forgotten. */
const MOST_GROUPS = 8192;

export class BindGroups {
  readonly #gpu: GPUDevice;
  readonly #ids = new WeakMap<object, number>();
  readonly #layouts = new WeakMap<GPUComputePipeline, GPUBindGroupLayout>();
  readonly #groups = new Map<string, GPUBindGroup>();
  #nextId = 0;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** The group with the uniform at binding 0, where there is one, and the bindings from 1 on. */
  get(pipeline: GPUComputePipeline, bindings: readonly Binding[], uniform?: GPUBufferBinding): GPUBindGroup {
    let key = `${this.#idOf(pipeline)}:${uniform?.offset}:${uniform?.size}`;
    for (const { buffer, bytes } of bindings) key += `:${this.#idOf(buffer)},${bytes}`;
    let group = this.#groups.get(key);
    if (!group) {
      group = this.#make(pipeline, bindings, uniform);
      if (this.#groups.size >= MOST_GROUPS) this.#groups.clear();
      this.#groups.set(key, group);
    }
    return group;
  }

  #make(
    pipeline: GPUComputePipeline,
    bindings: readonly Binding[],
    uniform?: GPUBufferBinding,
  ): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = bindings.map(({ buffer, bytes }, i) => ({
      binding: i + 1,
      resource: { buffer, size: bytes === undefined ? undefined : Math.max(4, Math.ceil(bytes / 4) * 4) },
    }));
    if (uniform) entries.push({ binding: 0, resource: uniform });
    let layout = this.#layouts.get(pipeline);
    if (!layout) {
      layout = pipeline.getBindGroupLayout(0);
      this.#layouts.set(pipeline, layout);
    }
    return this.#gpu.createBindGroup({ layout, entries });
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
