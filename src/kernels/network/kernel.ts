/**
 * Launches the kernel that trains networks in lockstep (shaders/network/step.wgsl.ts): which of its forms fits the
 * adapter, its bindings, its grid. What the positions and stages mean is chunk.wgsl.ts's; who trains when is the trainer's.
 */
import { networkSteps, type StepVariant } from '../../../shaders/network/step.wgsl.js';
import type { Cost } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';

/** Invocations of a workgroup where they are not the lanes of one vector. */
const INVOCATIONS = 256;

/** SwiftShader's vectors of four hold too little for the tiles of that form, which it compiles for a minute. */
const LEAST_LANES = 8;

/** The form for an adapter; `blocks` asks for the general one. */
function stepVariant(
  { info, features }: Pick<Device, 'info' | 'features'>,
  form?: 'lanes' | 'blocks',
): StepVariant {
  const { isCpu, subgroupMinSize, subgroupMaxSize } = info;
  const isVector =
    isCpu &&
    features.has('subgroups') &&
    subgroupMinSize === subgroupMaxSize &&
    subgroupMinSize >= LEAST_LANES;
  if (form !== 'blocks' && isVector) return { invocations: subgroupMinSize, lanes: subgroupMinSize };
  return { invocations: INVOCATIONS };
}

/** What one dispatch works on. */
interface NetworkDispatch {
  /** The first of its positions. */
  first: number;
  count: number;
  /** Datasets. */
  data: GPUBuffer;
  /** The runs' parameters, moments and activations. */
  memory: GPUBuffer;
  cost: Cost;
  shapes: string;
}

/** Buffers that all dispatches of a chunk share. */
export interface NetworkBuffers {
  positions: GPUBuffer;
  stages: GPUBuffer;
  steps: GPUBuffer;
  order: GPUBuffer;
  results: GPUBuffer;
}

export class NetworkKernel {
  readonly #device: Device;
  readonly #pipeline: GPUComputePipeline;

  /** @param sampler WGSL of a sampler, where examples are to be made (shaders/network/samplers.wgsl.ts). */
  static async create(device: Device, sampler?: string, form?: 'lanes' | 'blocks'): Promise<NetworkKernel> {
    const variant = { ...stepVariant(device, form), sampler };
    const pipeline = await device.pipeline({
      label: variant.lanes ? 'network-lanes' : 'network-blocks',
      code: networkSteps(variant),
      entryPoint: 'train',
      options: { ...stepVariant(device, form), sampler: sampler !== undefined },
    });
    return new NetworkKernel(device, pipeline);
  }

  private constructor(device: Device, pipeline: GPUComputePipeline) {
    this.#device = device;
    this.#pipeline = pipeline;
  }

  /** Records a workgroup a position: each does all its steps. */
  train(buffers: NetworkBuffers, { first, count, data, memory, cost, shapes }: NetworkDispatch): void {
    const { positions, stages, steps, order, results } = buffers;
    this.#device.commands.dispatch({
      pipeline: this.#pipeline,
      params: Uint32Array.of(first, 0, 0, 0),
      bindings: [positions, stages, steps, order, data, memory, results].map((buffer) => ({ buffer })),
      grid: [count],
      note: () => ({ ...cost, shapes }),
    });
  }
}

/** The kernels of one training, by the sampler's WGSL that is in them. */
export class NetworkKernels {
  readonly #device: Device;
  readonly #made = new Map<string | undefined, NetworkKernel>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** @throws LockstepError `shader` with the WGSL around what does not compile. */
  async make(sampler: string | undefined): Promise<void> {
    if (!this.#made.has(sampler)) this.#made.set(sampler, await NetworkKernel.create(this.#device, sampler));
  }

  /** One that was made. */
  of(sampler: string | undefined): NetworkKernel {
    return this.#made.get(sampler)!;
  }
}
