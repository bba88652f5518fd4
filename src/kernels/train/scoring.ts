/**
 * Scores trained networks on a test set without moving them: how many examples each network gets right. Networks that
 * the subgroup kernel trained are scored by a subgroup kernel too, all others by the plain one.
 */
import { portableScore, SCORE_INVOCATIONS } from '../../../shaders/train/portable/score.wgsl.js';
import {
  SUBGROUP_BATCH,
  type SubgroupOptions,
  subgroupLayout,
} from '../../../shaders/train/subgroup/layout.js';
import { subgroupScore } from '../../../shaders/train/subgroup/score.wgsl.js';
import type { Cost } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';
import type { PipelineDescriptor } from '../../gpu/pipelines.js';
import { BufferUsage } from '../../gpu/usage.js';
import type { BinaryDataset } from '../../tensor/bits.js';
import type { NetworkLayout, Networks } from './networks.js';
import { portableScoreCost, subgroupScoreCost } from './scoring-cost.js';
import { subgroupOptions, subgroupVariant } from './subgroup.js';
import type { KernelVariant } from './training-kernel.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
/** Batches that one workgroup of the subgroup kernel scores with the tables it built. */
const BATCHES = 16;
/**
 * Products of weights and examples in one launch on a GPU: some 0.1 s on one that does 40 billion a second, as the
 * slowest do with the plain kernel. A driver gives up on a launch after seconds, and a page stands still for as long.
 */
const MOST_PRODUCTS = 2 ** 32;

/** Some neighbours in a test set, which one launch scores: the first, and the first behind them. */
interface Stretch {
  first: number;
  end: number;
  /** Workgroups of a network. */
  groups: number;
}

/**
 * Cuts a test set into stretches that one launch takes: no more workgroups than fit in one dimension, and on a GPU no
 * longer than {@link MOST_PRODUCTS} says.
 *
 * @param examplesPerGroup Examples that a workgroup scores.
 * @param products Of an example, for all networks of the launch.
 */
export function stretchesOf(
  { limits, info }: Pick<Device, 'limits' | 'info'>,
  examples: number,
  examplesPerGroup: number,
  products: number,
): Stretch[] {
  const timely = info.isCpu ? Number.POSITIVE_INFINITY : MOST_PRODUCTS / (products * examplesPerGroup);
  const groups = Math.max(1, Math.min(limits.maxComputeWorkgroupsPerDimension, Math.floor(timely)));
  const length = groups * examplesPerGroup;
  return Array.from({ length: Math.ceil(examples / length) }, (_, k) => {
    const first = k * length;
    const end = Math.min(examples, first + length);
    return { first, end, groups: Math.ceil((end - first) / examplesPerGroup) };
  });
}

/** One of the two kernels for networks of one shape. */
interface ScoreKernel {
  shader: PipelineDescriptor;
  layout: NetworkLayout;
  /** Examples that a workgroup scores. */
  examplesPerGroup: number;
  /** The words that the shader takes. `parts`: of a network's count. */
  params(stretch: Stretch, parts: number): Uint32Array<ArrayBuffer>;
  cost(examples: number, networks: number, groups: number): Cost;
  /** Bytes of scratch memory for a workgroup; 0 where it needs none. */
  scratchBytes: number;
}

/** Scores networks of one shape. */
export class Scorer {
  readonly #device: Device;
  readonly #kernel: ScoreKernel;

  /**
   * @param variant The kernel that trained the networks. Only for `subgroup` is the subgroup kernel used here. It is
   *   compiled by {@link prepare}, or when something is scored: many trainings have no test set, and need the layout alone.
   */
  constructor(device: Device, features: number, hidden: number, variant: KernelVariant['name']) {
    const shape = { features, hidden, batch: SUBGROUP_BATCH };
    const options =
      variant === 'subgroup' && subgroupVariant.refusal(device, shape) === undefined
        ? subgroupOptions(device, shape)
        : undefined;
    this.#device = device;
    this.#kernel = options ? subgroupKernel(options) : plainKernel(features, hidden);
  }

  /** How networks have to lie in their buffer. */
  get layout(): NetworkLayout {
    return this.#kernel.layout;
  }

  /** Begins to compile. {@link accuracies} throws what goes wrong. */
  prepare(): void {
    this.#device.pipeline(this.#kernel.shader).catch(() => {});
  }

  /**
   * For each network the share of the examples in `testSet` that it labels correctly. Its label is 1 where `p >=
   * 0.5`.
   *
   * @param expectedMs How long the work already queued will probably take; see Device.read.
   */
  async accuracies(testSet: BinaryDataset, groups: readonly Networks[], expectedMs = 0): Promise<number[][]> {
    const pipeline = await this.#device.pipeline(this.#kernel.shader);
    const { x, y } = testSet;
    const shared = [this.#upload(x.words), this.#upload(y.words)];
    try {
      const hits = groups.map((networks) => this.#hits(pipeline, networks, shared, x.rows, expectedMs));
      const counts = await Promise.all(hits);
      return counts.map((group) => group.map((count) => count / x.rows));
    } finally {
      for (const buffer of shared) this.#device.free(buffer);
    }
  }

  /**
   * How many examples each of some networks gets right. Each buffer of networks is submitted on its own: the driver
   * then has no single submit that holds up all others.
   */
  async #hits(
    pipeline: GPUComputePipeline,
    { buffer, count }: Networks,
    testSet: readonly GPUBuffer[],
    examples: number,
    expectedMs: number,
  ): Promise<number[]> {
    const { layout, examplesPerGroup, params, scratchBytes, cost } = this.#kernel;
    const products = layout.features * layout.hidden * count;
    const stretches = stretchesOf(this.#device, examples, examplesPerGroup, products);
    const perNetwork = stretches[0].groups;
    const hits = this.#device.allocate('score hits', 4 * perNetwork * count, STORAGE);
    const bytes = scratchBytes * perNetwork * count;
    const scratch = bytes > 0 ? [this.#device.allocate('score scratch', bytes, STORAGE)] : [];
    const { commands } = this.#device;
    try {
      for (const stretch of stretches) {
        const length = stretch.end - stretch.first;
        commands.dispatch({
          pipeline,
          params: params(stretch, perNetwork),
          bindings: [buffer, ...testSet, hits, ...scratch].map((each) => ({ buffer: each })),
          grid: [stretch.groups, count],
          note: () => ({
            ...cost(length, count, stretch.groups),
            shapes: `${count} networks, ${length} examples`,
          }),
        });
        commands.flush();
      }
      const words = new Uint32Array(await this.#device.read(hits, 0, hits.size, { expectedMs }));
      return Array.from({ length: count }, (_, k) =>
        words.subarray(k * perNetwork, (k + 1) * perNetwork).reduce((total, n) => total + n, 0),
      );
    } finally {
      for (const each of [hits, ...scratch]) this.#device.free(each);
    }
  }

  #upload(words: Uint32Array): GPUBuffer {
    const buffer = this.#device.allocate('score input', words.byteLength, STORAGE);
    this.#device.commands.write(buffer, 0, words);
    return buffer;
  }
}

function subgroupKernel(options: SubgroupOptions): ScoreKernel {
  const { weights, pitch, turns, subgroups, featureBlocks } = subgroupLayout(options);
  const { features, hidden, unitsPerSubgroup } = options;
  const { vectorsAt, outputBiasAt, floats } = weights;
  return {
    shader: { label: 'subgroup-score', code: subgroupScore(options), options: { ...options } },
    layout: { features, hidden, pitch, vectorsAt, outputBiasAt, floats },
    examplesPerGroup: SUBGROUP_BATCH * BATCHES,
    params: ({ first, end }, parts) =>
      Uint32Array.of(first, end, parts, BATCHES, unitsPerSubgroup * featureBlocks, turns, subgroups, 0),
    cost: (examples, networks, groups) => subgroupScoreCost(options, examples, networks, groups),
    scratchBytes: options.partials === 'storage' ? 4 * SUBGROUP_BATCH * subgroups : 0,
  };
}

function plainKernel(features: number, hidden: number): ScoreKernel {
  const vectorsAt = hidden * features;
  const outputBiasAt = vectorsAt + 2 * hidden;
  return {
    shader: {
      label: 'portable-score',
      code: portableScore({ features, hidden }),
      options: { features, hidden },
    },
    layout: { features, hidden, pitch: features, vectorsAt, outputBiasAt, floats: outputBiasAt + 1 },
    examplesPerGroup: SCORE_INVOCATIONS,
    params: ({ first, end }, parts) => Uint32Array.of(first, end, parts, 0),
    cost: (examples, networks, groups) => portableScoreCost({ features, hidden }, examples, networks, groups),
    scratchBytes: 0,
  };
}
