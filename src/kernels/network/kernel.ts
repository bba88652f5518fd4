/**
 * Launches the kernel that trains networks in lockstep (shaders/network/step.wgsl.ts): chooses the form that fits the
 * adapter, binds buffers, sets the grid. shaders/network/chunk.wgsl.ts says what positions and stages mean; the
 * trainer decides who trains when.
 */
import { networkSteps, type StepVariant } from '../../../shaders/network/step.wgsl.js';
import type { Cost } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';

/** Invocations of a workgroup in the form `blocks`. */
const INVOCATIONS = 256;

/**
 * The form `lanes` needs vectors of eight or more: in SwiftShader's vectors of four its tiles do not fit, and
 * compiling takes a minute.
 */
const LEAST_LANES = 8;

/** The form that fits an adapter. `form: 'blocks'` asks for the general one. */
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
  /** The first position that it trains. */
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

  /**
   * @param sampler WGSL of a sampler that makes the examples (shaders/network/samplers.wgsl.ts); undefined where they
   *   come from datasets.
   */
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

  /** Records a dispatch with a workgroup for each position, which does all of the position's steps. */
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

/** The kernels of one training, by the WGSL of the sampler in them. */
export class NetworkKernels {
  readonly #device: Device;
  readonly #made = new Map<string | undefined, NetworkKernel>();

  constructor(device: Device) {
    this.#device = device;
  }

  /**
   * Makes the kernel with this sampler, unless it is there already.
   *
   * @throws LockstepError `shader` with the WGSL around what does not compile.
   */
  async make(sampler: string | undefined): Promise<void> {
    if (!this.#made.has(sampler)) this.#made.set(sampler, await NetworkKernel.create(this.#device, sampler));
  }

  /** A kernel that `make` has made. */
  of(sampler: string | undefined): NetworkKernel {
    return this.#made.get(sampler)!;
  }
}
