/**
 * Scores trained networks on a test set: how many examples each gets right. Picks the subgroup kernel where the
 * training kernel of that name could run, else the plain one.
 */
import { portableScore, SCORE_INVOCATIONS } from '../../../shaders/train/portable/score.wgsl.js';
import {
  SUBGROUP_BATCH,
  type SubgroupOptions,
  subgroupLayout,
} from '../../../shaders/train/subgroup/layout.js';
import { subgroupScore } from '../../../shaders/train/subgroup/score.wgsl.js';
import { annotateLaunch } from '../../gpu/annotate.js';
import { bindGroup } from '../../gpu/bind.js';
import type { Cost } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import { plainBytes } from '../../platform/bytes.js';
import { span } from '../../platform/host-spans.js';
import type { BinaryDataset } from '../../tensor/bits.js';
import { type MlpWeights, packInOrder } from './mlp-weights.js';
import { portableScoreCost, subgroupScoreCost } from './scoring-cost.js';
import { subgroupOptions, subgroupVariant } from './subgroup.js';
import type { KernelVariant } from './training-kernel.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
const UNIFORM = BufferUsage.UNIFORM | BufferUsage.COPY_DST;
/** Networks in one dispatch: few enough that it stays short. */
const NETWORKS = 8;
/** Batches that one workgroup of the subgroup kernel scores with the tables it built. */
const BATCHES = 16;

/** One of the two kernels, ready to be launched. */
interface ScoreKernel {
  pipeline: GPUComputePipeline;
  floats: number;
  /** Workgroups for so many examples. */
  groups(examples: number): number;
  stretch(examples: number): Uint32Array<ArrayBuffer>;
  cost(examples: number, networks: number, groups: number): Cost;
  pack(weights: MlpWeights, into: Float32Array): void;
  /** Bytes of scratch memory that a workgroup needs in a buffer. */
  scratchBytes: number;
}

/** Scores networks of one shape. */
export class Scorer {
  readonly #device: Device;
  readonly #kernel: ScoreKernel;

  /** `variant`: what training took; `portable` forces the plain kernel here too. */
  static async create(
    device: Device,
    features: number,
    hidden: number,
    variant: KernelVariant['name'],
  ): Promise<Scorer> {
    const shape = { features, hidden, batch: SUBGROUP_BATCH };
    const options =
      variant === 'subgroup' && subgroupVariant.refusal(device, shape) === undefined
        ? subgroupOptions(device, shape)
        : undefined;
    return new Scorer(
      device,
      options ? await subgroupKernel(device, options) : await plainKernel(device, features, hidden),
    );
  }

  private constructor(device: Device, kernel: ScoreKernel) {
    this.#device = device;
    this.#kernel = kernel;
  }

  /**
   * Share of the examples of `testSet` that each network labels as they are, `p >= 0.5` being 1. `expectedMs`: of work
   * in front of it, see Device.read.
   */
  async accuracies(
    testSet: BinaryDataset,
    networks: readonly MlpWeights[],
    expectedMs = 0,
  ): Promise<number[]> {
    const { x, y } = testSet;
    const { floats, groups, stretch, pack, scratchBytes } = this.#kernel;
    const perNetwork = groups(x.rows);
    const packed = new Float32Array(floats * networks.length);
    span('data', 'pack networks', () => {
      networks.forEach((weights, k) => {
        pack(weights, packed.subarray(k * floats, (k + 1) * floats));
      });
    });
    const shared = [
      this.#upload(stretch(x.rows), UNIFORM),
      this.#upload(x.words, STORAGE),
      this.#upload(y.words, STORAGE),
    ];
    const own: GPUBuffer[] = [];
    try {
      const reads: Promise<ArrayBuffer>[] = [];
      for (let first = 0; first < networks.length; first += NETWORKS) {
        const count = Math.min(NETWORKS, networks.length - first);
        const weights = this.#upload(packed.subarray(first * floats, (first + count) * floats), STORAGE);
        const hits = this.#device.allocate('score hits', 4 * perNetwork * count, STORAGE);
        const bytes = scratchBytes * perNetwork * count;
        const scratch = bytes > 0 ? [this.#device.allocate('score scratch', bytes, STORAGE)] : [];
        own.push(weights, hits, ...scratch);
        this.#dispatch(shared, [weights, hits, ...scratch], perNetwork, count, x.rows);
        const read = this.#device.read(hits, 0, hits.size, { expectedMs });
        read.catch(() => {}); // thrown where all are awaited
        reads.push(read);
      }
      const hits = (await Promise.all(reads)).flatMap((words) => [...new Uint32Array(words)]);
      const sum = (k: number) =>
        hits.slice(k * perNetwork, (k + 1) * perNetwork).reduce((total, n) => total + n, 0);
      return networks.map((_, k) => sum(k) / x.rows);
    } finally {
      for (const buffer of [...shared, ...own]) this.#device.free(buffer);
    }
  }

  /** A submit for each: a driver runs it whole, and a read of the next must not wait for all. */
  #dispatch(
    shared: readonly GPUBuffer[],
    [weights, ...out]: readonly GPUBuffer[],
    groups: number,
    networks: number,
    examples: number,
  ): void {
    const { pipeline, cost } = this.#kernel;
    const [stretch, rows, labels] = shared;
    const encoder = this.#device.gpu.createCommandEncoder({ label: 'score' });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup(this.#device, pipeline, [stretch, weights, rows, labels, ...out]));
    annotateLaunch(pass, () => ({
      ...cost(examples, networks, groups),
      shapes: `${networks} networks, ${examples} examples`,
    }));
    pass.dispatchWorkgroups(groups, networks);
    pass.end();
    this.#device.gpu.queue.submit([encoder.finish()]);
  }

  #upload(data: Uint32Array | Float32Array, usage: GPUBufferUsageFlags): GPUBuffer {
    const buffer = this.#device.allocate('score input', data.byteLength, usage);
    this.#device.gpu.queue.writeBuffer(buffer, 0, plainBytes(data));
    return buffer;
  }
}

async function subgroupKernel(device: Device, options: SubgroupOptions): Promise<ScoreKernel> {
  const { weights, pitch, turns, subgroups, featureBlocks } = subgroupLayout(options);
  const { features, hidden, unitsPerSubgroup } = options;
  return {
    pipeline: await device.pipeline({
      label: 'subgroup-score',
      code: subgroupScore(options),
      options: { ...options },
    }),
    floats: weights.floats,
    groups: (examples) => Math.ceil(examples / (SUBGROUP_BATCH * BATCHES)),
    stretch: (examples) =>
      new Uint32Array([examples, BATCHES, unitsPerSubgroup * featureBlocks, turns, subgroups, 0, 0, 0]),
    cost: (examples, networks, groups) => subgroupScoreCost(options, examples, networks, groups),
    scratchBytes: options.partials === 'storage' ? 4 * SUBGROUP_BATCH * subgroups : 0,
    pack({ w1, b1, w2, b2 }, into) {
      for (let h = 0; h < hidden; h++) into.set(w1.subarray(h * features, (h + 1) * features), h * pitch);
      into.set(b1, weights.vectorsAt);
      into.set(w2, weights.vectorsAt + hidden);
      into.set(b2, weights.outputBiasAt);
    },
  };
}

async function plainKernel(device: Device, features: number, hidden: number): Promise<ScoreKernel> {
  return {
    pipeline: await device.pipeline({
      label: 'portable-score',
      code: portableScore(features, hidden),
      options: { features, hidden },
    }),
    floats: hidden * features + 2 * hidden + 1,
    groups: (examples) => Math.ceil(examples / SCORE_INVOCATIONS),
    stretch: (examples) => new Uint32Array([examples, 0, 0, 0]),
    cost: (examples, networks, groups) => portableScoreCost({ features, hidden }, examples, networks, groups),
    pack: packInOrder,
    scratchBytes: 0,
  };
}
