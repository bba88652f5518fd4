/**
 * Launches the subgroup kernels (shaders/train/subgroup/*.wgsl.ts): a gather, then many training steps in one
 * dispatch. They need subgroups of one fixed power-of-two size.
 */
import { subgroupGather } from '../../../shaders/train/subgroup/gather.wgsl.js';
import {
  CHUNK,
  SUBGROUP_BATCH,
  type SubgroupLayout,
  type SubgroupOptions,
  stateIndices,
  subgroupLayout,
  TURN,
} from '../../../shaders/train/subgroup/layout.js';
import { subgroupTrain } from '../../../shaders/train/subgroup/train.wgsl.js';
import { bindGroup } from '../../gpu/bindings.js';
import type { Device } from '../../gpu/device.js';
import type { Recorder } from '../../gpu/recorder.js';
import { BufferUsage } from '../../gpu/usage.js';
import { LockstepError } from '../../platform/errors.js';
import { placesOf } from './mlp-weights.js';
import { type ChunkSize, subgroupCosts } from './training-cost.js';
import type {
  AdapterFacts,
  Chunk,
  ChunkBuffers,
  DataBank,
  KernelShape,
  KernelVariant,
  TrainingKernel,
} from './training-kernel.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/**
 * The most variables (hidden units times blocks of features) that a subgroup keeps. With more, compile time grows and
 * registers run out.
 */
const MOST_VARIABLES = 128;
/**
 * The same for networks that do not fit otherwise, because they have more features or would need too many invocations
 * in a workgroup. Compiling then takes 13 s.
 */
const MOST_VARIABLES_WIDE = 256;

/**
 * How the shape is divided over subgroups. Each takes as many hidden units as fit, because every subgroup builds the
 * same tables of dL/dz2; a workgroup needs an invocation for each four samples. Undefined if nothing fits.
 */
export function subgroupOptions(
  { info, limits }: Pick<AdapterFacts, 'info' | 'limits'>,
  { features, hidden, batch }: KernelShape,
): SubgroupOptions | undefined {
  const lanes = info.subgroupMaxSize;
  const featureBlocks = Math.ceil(features / lanes);
  const cut = (variables: number) =>
    [32, 16, 8, 4].find((units) => {
      const invocations = (hidden / units) * lanes;
      return (
        units % lanes === 0 &&
        units * featureBlocks <= variables &&
        Number.isInteger(hidden / units) &&
        invocations >= SUBGROUP_BATCH / TURN &&
        invocations <= limits.maxComputeInvocationsPerWorkgroup
      );
    });
  const unitsPerSubgroup = cut(MOST_VARIABLES) ?? cut(MOST_VARIABLES_WIDE);
  if (!unitsPerSubgroup) return undefined;
  const shared = 4 * SUBGROUP_BATCH * (hidden / unitsPerSubgroup + 1);
  const partials = shared <= limits.maxComputeWorkgroupStorageSize ? 'workgroup' : 'storage';
  return { features, hidden, batch, lanes, unitsPerSubgroup, partials };
}

function mustFit(device: Device, shape: KernelShape): SubgroupOptions {
  const options = subgroupOptions(device, shape);
  if (options) return options;
  throw new LockstepError(
    'unsupported',
    `The subgroup kernel cannot run here: ${subgroupVariant.refusal(device, shape)}`,
  );
}

export const subgroupVariant: KernelVariant = {
  name: 'subgroup',
  refusal(device, shape) {
    const { subgroupMinSize, subgroupMaxSize: lanes } = device.info;
    if (!device.features.has('subgroups')) return 'the device has no subgroups.';
    if (lanes !== subgroupMinSize || lanes < 4 || lanes > 32) {
      return `it needs one subgroup size from 4 to 32; this device has ${subgroupMinSize} to ${lanes}.`;
    }
    if (shape.batch > SUBGROUP_BATCH)
      return `batches have at most ${SUBGROUP_BATCH} examples; asked for ${shape.batch}.`;
    if (!subgroupOptions(device, shape)) {
      return (
        `${shape.features} features and ${shape.hidden} hidden units do not divide over subgroups of ${lanes}, and ` +
        `workgroups of ${device.limits.maxComputeInvocationsPerWorkgroup} invocations.`
      );
    }
    return undefined;
  },
  footprint(shape, device) {
    const { state, batch } = subgroupLayout(mustFit(device, shape));
    return { batchPitch: SUBGROUP_BATCH, slotBuffers: [4 * state.floats], bytesPerStep: 16 * batch.vec4s };
  },
  create: (device, shape, buffers) => SubgroupKernel.create(device, mustFit(device, shape), buffers),
};

class SubgroupKernel implements TrainingKernel {
  readonly name = 'subgroup';
  readonly state: GPUBuffer;
  readonly stateFloats: number;
  readonly places: Uint32Array;
  readonly #device: Device;
  readonly #options: SubgroupOptions;
  readonly #layout: SubgroupLayout;
  readonly #gather: GPUComputePipeline;
  readonly #train: GPUComputePipeline;
  readonly #buffers: ChunkBuffers;
  readonly #chunk: GPUBuffer;
  readonly #batches: GPUBuffer;
  readonly #trainGroup: GPUBindGroup;
  readonly #gatherGroups = new WeakMap<DataBank, GPUBindGroup>();

  static async create(
    device: Device,
    options: SubgroupOptions,
    buffers: ChunkBuffers,
  ): Promise<SubgroupKernel> {
    const [gather, train] = await Promise.all([
      device.pipeline({ label: 'subgroup-gather', code: subgroupGather(options), options: { ...options } }),
      device.pipeline({ label: 'subgroup-train', code: subgroupTrain(options), options: { ...options } }),
    ]);
    return new SubgroupKernel(device, options, buffers, gather, train);
  }

  private constructor(
    device: Device,
    options: SubgroupOptions,
    buffers: ChunkBuffers,
    gather: GPUComputePipeline,
    train: GPUComputePipeline,
  ) {
    const layout = subgroupLayout(options);
    this.#device = device;
    this.#options = options;
    this.#layout = layout;
    this.#buffers = buffers;
    this.#gather = gather;
    this.#train = train;
    const { floats, vectorsAt, outputBiasAt } = layout.state;
    this.stateFloats = floats;
    const { features, hidden } = options;
    const index = stateIndices(options);
    const vectors = [vectorsAt, vectorsAt + hidden, outputBiasAt] as const;
    this.places = placesOf(options, (h, feature) => index[h * features + feature], vectors);
    this.state = device.allocate('subgroup-state', 4 * this.stateFloats * buffers.slots, STORAGE);
    this.#batches = device.allocate('subgroup-batches', 16 * layout.batch.vec4s * buffers.capacity, STORAGE);
    this.#chunk = device.allocate(
      'subgroup-chunk',
      4 * CHUNK.words,
      BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    );
    const { positions, hypers, steps, paused, sums } = buffers;
    this.#trainGroup = bindGroup(device.gpu, train, [
      this.#chunk,
      positions,
      hypers,
      steps,
      this.#batches,
      paused,
      this.state,
      sums,
    ]);
  }

  #gatherGroup(bank: DataBank): GPUBindGroup {
    let group = this.#gatherGroups.get(bank);
    if (!group) {
      group = bindGroup(this.#device.gpu, this.#gather, [
        this.#chunk,
        bank.sources,
        this.#buffers.order,
        bank.rows,
        bank.labels,
        this.#batches,
      ]);
      this.#gatherGroups.set(bank, group);
    }
    return group;
  }

  encode(recorder: Recorder, chunk: Chunk): void {
    const { turns, subgroups, featureBlocks } = this.#layout;
    const matrixBlocks = this.#options.unitsPerSubgroup * featureBlocks;
    recorder.upload(this.#chunk, 0, CHUNK.array([{ stride: chunk.steps, matrixBlocks, turns, subgroups }]));
    for (const { bank, entries } of chunk.banks) {
      recorder.dispatch(this.#gather, this.#gatherGroup(bank), [chunk.steps, entries]);
    }
    recorder.dispatch(this.#train, this.#trainGroup, [chunk.positions]);
  }

  costs(chunk: ChunkSize) {
    return subgroupCosts(this.#options, chunk);
  }

  destroy(): void {
    for (const buffer of [this.state, this.#batches, this.#chunk]) this.#device.free(buffer);
  }
}
