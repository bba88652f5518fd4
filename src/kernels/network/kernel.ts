/**
 * Launches the kernel that trains networks in lockstep (shaders/network/step.wgsl.ts): takes the form that fits the
 * adapter, binds buffers, sets the grids. shaders/network/chunk.wgsl.ts says what positions and stages mean; the
 * trainer decides who trains when.
 */
import { networkSteps, type Schedule, type StepVariant } from '../../../shaders/network/step.wgsl.js';
import type { Device } from '../../gpu/device.js';
import type { LaunchNote } from '../../gpu/observer.js';
import type { Grid } from '../../gpu/recorder.js';
import { stageCost, stageGroups, stageName, type Walk } from './stage-work.js';

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
  readonly schedule: Schedule;
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
  /** What they go through; each once. Asked for by the schedule `batched` only. */
  walks: () => readonly Walk[];
  /** The most steps of a run. */
  steps: number;
  /** What a profile says of a dispatch that does all of it. */
  note: () => LaunchNote;
}

/** Buffers that all dispatches of a chunk share. */
export interface NetworkBuffers {
  positions: GPUBuffer;
  stages: GPUBuffer;
  steps: GPUBuffer;
  order: GPUBuffer;
  results: GPUBuffer;
}

/** What of a variant says how its work is spread. */
type Form = Pick<StepVariant, 'schedule' | 'invocations' | 'lanes'>;

export class NetworkKernel {
  readonly #device: Device;
  readonly #pipeline: GPUComputePipeline;
  readonly #form: Form;
  readonly #dataBuffers: number;

  static async create(
    device: Device,
    { sampler, dataBuffers: buffers, cuts, schedule }: NetworkKernelKind,
    form?: 'lanes' | 'blocks',
  ): Promise<NetworkKernel> {
    const variant = { ...stepVariant(device, form), schedule };
    const data = { buffers, words: dataBuffers(device).words };
    const pipeline = await device.pipeline({
      label: variant.lanes ? 'network-lanes' : 'network-blocks',
      code: networkSteps({ ...variant, sampler, cuts, data }),
      entryPoint: 'train',
      options: { ...variant, sampler: sampler !== undefined, dataBuffers: buffers, cuts },
    });
    return new NetworkKernel(device, pipeline, variant, buffers);
  }

  private constructor(device: Device, pipeline: GPUComputePipeline, form: Form, dataBuffers: number) {
    this.#device = device;
    this.#pipeline = pipeline;
    this.#form = form;
    this.#dataBuffers = dataBuffers;
  }

  /** Records the dispatches that do all steps of the positions. */
  train(buffers: NetworkBuffers, work: NetworkDispatch): void {
    const { positions, stages, steps, order, results } = buffers;
    const { first, count, data, memory } = work;
    // A smaller dataset has fewer; one of its buffers stands for those that are not read.
    const more = Array.from({ length: this.#dataBuffers - 1 }, (_, k) => data[k + 1] ?? data[0]);
    const bindings = [positions, stages, steps, order, data[0], memory, results, ...more].map((buffer) => ({
      buffer,
    }));
    const record = (step: number, stage: number, grid: Grid, note: () => LaunchNote) => {
      const params = Uint32Array.of(first, step, stage, 0);
      this.#device.commands.dispatch({ pipeline: this.#pipeline, params, bindings, grid, note });
    };
    if (this.#form.schedule === 'persistent') {
      record(0, 0, [count], work.note);
      return;
    }
    const dispatches = this.#byStage(work.walks());
    for (let s = 0; s < work.steps; s++) {
      for (const [k, { groups, note }] of dispatches.entries()) record(s, k, [groups, count], note);
    }
  }

  /** For each number of a stage the most workgroups for which a run has work there, and what a profile says of it. */
  #byStage(walks: readonly Walk[]) {
    const { maxComputeWorkgroupsPerDimension: most } = this.#device.limits;
    const length = Math.max(...walks.map(({ stages }) => stages.length));
    return Array.from({ length }, (_, k) => {
      const there = walks.filter(({ stages }) => k < stages.length);
      const groups = there.map(({ stages, examples }) => stageGroups(stages[k], examples, this.#form));
      const note = () => {
        const names = there.map(({ stages, examples }) => stageName(stages[k], examples));
        const costs = there.map(({ stages, examples, runs }) => ({
          runs,
          ...stageCost(stages[k], examples),
        }));
        const sum = (of: 'bytes' | 'flops') => costs.reduce((all, cost) => all + cost.runs * cost[of], 0);
        return { bytes: sum('bytes'), flops: sum('flops'), shapes: [...new Set(names)].join(', ') };
      };
      return { groups: Math.min(most, Math.max(...groups)), note };
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

  #find(wanted: NetworkKernelKind): NetworkKernel | undefined {
    const { sampler, dataBuffers: buffers, cuts, schedule } = wanted;
    return this.#made.find(
      ({ kind }) =>
        kind.schedule === schedule &&
        kind.sampler === sampler &&
        kind.dataBuffers === buffers &&
        kind.cuts === cuts,
    )?.kernel;
  }
}
