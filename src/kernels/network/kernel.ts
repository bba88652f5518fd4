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
): Pick<StepVariant, 'invocations' | 'lanes'> {
  const { isCpu, subgroupMinSize, subgroupMaxSize } = info;
  const isVector =
    isCpu &&
    features.has('subgroups') &&
    subgroupMinSize === subgroupMaxSize &&
    subgroupMinSize >= LEAST_LANES;
  if (form !== 'blocks' && isVector) return { invocations: subgroupMinSize, lanes: subgroupMinSize };
  return { invocations: INVOCATIONS };
}

/** Storage buffers of the kernel other than those for data. */
const OTHER_BUFFERS = 6;

/** Over how many buffers data can be cut at most, and the words in each but the last. */
export function dataBuffers({ limits }: Pick<Device, 'limits'>): { most: number; words: number } {
  const { maxStorageBufferBindingSize, maxBufferSize, maxStorageBuffersPerShaderStage } = limits;
  // Rooms in shared buffers take whole vectors of four words.
  const words = 4 * Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / 16);
  // Places are 32-bit numbers.
  const most = Math.min(maxStorageBuffersPerShaderStage - OTHER_BUFFERS, Math.floor(2 ** 32 / words));
  return { most: Math.max(1, most), words };
}

/** Which variant of the kernel a run needs. */
export interface NetworkKernelKind {
  /** WGSL of a sampler that makes the examples (shaders/network/samplers.wgsl.ts); undefined where they come from datasets. */
  readonly sampler?: string;
  /** Over how many buffers its datasets are cut. */
  readonly dataBuffers: number;
  /** Whether its batches are cut into parts. */
  readonly cuts: boolean;
}

/** What one dispatch works on. */
interface NetworkDispatch {
  /** The first position that it trains. */
  first: number;
  count: number;
  /** A buffer that holds datasets, or those over which one dataset is cut. */
  data: readonly GPUBuffer[];
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
  readonly #dataBuffers: number;

  static async create(
    device: Device,
    { sampler, dataBuffers: buffers, cuts }: NetworkKernelKind,
    form?: 'lanes' | 'blocks',
  ): Promise<NetworkKernel> {
    const variant = stepVariant(device, form);
    const data = { buffers, words: dataBuffers(device).words };
    const pipeline = await device.pipeline({
      label: variant.lanes ? 'network-lanes' : 'network-blocks',
      code: networkSteps({ ...variant, sampler, cuts, data }),
      entryPoint: 'train',
      options: { ...variant, sampler: sampler !== undefined, dataBuffers: buffers, cuts },
    });
    return new NetworkKernel(device, pipeline, buffers);
  }

  private constructor(device: Device, pipeline: GPUComputePipeline, dataBuffers: number) {
    this.#device = device;
    this.#pipeline = pipeline;
    this.#dataBuffers = dataBuffers;
  }

  /** Records a dispatch with a workgroup for each position, which does all of the position's steps. */
  train(buffers: NetworkBuffers, { first, count, data, memory, cost, shapes }: NetworkDispatch): void {
    const { positions, stages, steps, order, results } = buffers;
    // A smaller dataset has fewer; one of its buffers stands for those that are not read.
    const more = Array.from({ length: this.#dataBuffers - 1 }, (_, k) => data[k + 1] ?? data[0]);
    this.#device.commands.dispatch({
      pipeline: this.#pipeline,
      params: Uint32Array.of(first, 0, 0, 0),
      bindings: [positions, stages, steps, order, data[0], memory, results, ...more].map((buffer) => ({
        buffer,
      })),
      grid: [count],
      note: () => ({ ...cost, shapes }),
    });
  }
}

/** The kernels of one training. */
export class NetworkKernels {
  readonly #device: Device;
  /** A few. Chunks look them up for each run, so their kinds, which have a sampler's text, are compared and not written out. */
  readonly #made: { kind: NetworkKernelKind; kernel: NetworkKernel }[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /**
   * Makes the kernel of this kind, unless it is there already.
   *
   * @throws LockstepError `shader` with the WGSL around what does not compile.
   */
  async make(kind: NetworkKernelKind): Promise<void> {
    if (!this.#find(kind)) this.#made.push({ kind, kernel: await NetworkKernel.create(this.#device, kind) });
  }

  /** A kernel that `make` has made. */
  of(kind: NetworkKernelKind): NetworkKernel {
    return this.#find(kind)!;
  }

  #find({ sampler, dataBuffers: buffers, cuts }: NetworkKernelKind): NetworkKernel | undefined {
    return this.#made.find(
      ({ kind }) => kind.sampler === sampler && kind.dataBuffers === buffers && kind.cuts === cuts,
    )?.kernel;
  }
}
