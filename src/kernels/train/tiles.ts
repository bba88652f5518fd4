/**
 * What the two launchers of the training tiles share (tiles-persistent.ts, tiles-batched.ts; WGSL:
 * shaders/train/tiles/train.wgsl.ts): how a run's state and scratch memory are laid out, the gather dispatch, the
 * bindings. How steps are dispatched differs and is in their own files.
 */

import {
  ACROSS,
  type PerThread,
  SCRATCH_HEAD,
  TILE_INVOCATIONS,
  UNIT_BLOCK,
} from '../../../shaders/train/tiles/size.js';
import { SHAPE, tilesGather, trainTiles } from '../../../shaders/train/tiles/train.wgsl.js';
import { bindGroup } from '../../gpu/bindings.js';
import type { Costs } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';
import type { Recorder } from '../../gpu/recorder.js';
import { BufferUsage } from '../../gpu/usage.js';
import { placesOf } from './mlp-weights.js';
import type { ChunkSize } from './training-cost.js';
import type {
  Chunk,
  ChunkBuffers,
  DataBank,
  KernelFootprint,
  KernelName,
  KernelShape,
  TrainingKernel,
} from './training-kernel.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** Entry points of the module: `train` does all steps of a run, the others do one part of a step each. */
export type Entry = 'train' | 'forward' | 'loss' | 'backward' | 'vectors';

/**
 * Invocations along the features of a backward tile: no more than the features need, for each of them reads the bits
 * of every unit.
 */
function featureThreads(features: number, perThread: PerThread): number {
  return [1, 2, 4, 8].find((threads) => threads * perThread >= features) ?? 16;
}

/** For a shape: how many tiles there are, how large they are, and where things lie in scratch memory. */
export function tilesLayout({ features, hidden, batch }: KernelShape, perThread: PerThread) {
  const featureQuads = Math.ceil(features / 4);
  const unitQuads = Math.ceil(hidden / 4);
  const sampleQuads = Math.ceil(batch / 4);
  const side = ACROSS * perThread;
  const unitTiles = Math.ceil(hidden / side);
  const alongFeatures = featureThreads(features, perThread);
  const unitThreads = TILE_INVOCATIONS / alongFeatures;
  const tileQuads = (alongFeatures * perThread) / 4;
  const blockQuads = (unitThreads * perThread) / 4;
  const partialsAt = 4 * sampleQuads;
  // A tile that is only partly filled writes all of its blocks, so all count.
  const activeAt = partialsAt + 4 * sampleQuads * unitTiles * (side / UNIT_BLOCK);
  const dotsAt = activeAt + ACROSS * unitTiles * sampleQuads;
  const sumsAt = dotsAt + 4 * unitQuads * featureQuads;
  return {
    featureQuads,
    unitQuads,
    sampleQuads,
    rowWords: Math.ceil(features / 32),
    unitTiles,
    sampleTiles: Math.ceil(batch / side),
    depth: TILE_INVOCATIONS / (side / 4),
    unitBlocks: Math.ceil(unitQuads / blockQuads),
    featureTiles: Math.ceil(featureQuads / tileQuads),
    blockQuads,
    tileQuads,
    unitThreads,
    staged: TILE_INVOCATIONS / tileQuads,
    perThread,
    vectors: 2,
    partialsAt,
    activeAt,
    dotsAt,
    sumsAt,
    scratchWords: sumsAt + 4 * unitQuads,
    /** Floats of a run's weights, and of each moment. */
    moment: 4 * ((4 * featureQuads + 2) * unitQuads + 1),
  };
}

export function tilesFootprint(shape: KernelShape, perThread: PerThread): KernelFootprint {
  const { moment, scratchWords, sampleQuads, rowWords } = tilesLayout(shape, perThread);
  return {
    batchPitch: 4 * sampleQuads,
    slotBuffers: [12 * moment, 4 * (SCRATCH_HEAD + scratchWords)],
    bytesPerStep: 16 * sampleQuads * (rowWords + 1),
  };
}

/** Buffers, pipelines and the gather dispatch of one compiled shape. */
export class TrainTiles {
  readonly layout: ReturnType<typeof tilesLayout>;
  readonly shape: KernelShape;
  readonly perThread: PerThread;
  readonly state: GPUBuffer;
  readonly stateFloats: number;
  readonly places: Uint32Array;
  readonly scratch: GPUBuffer;
  readonly #device: Device;
  readonly #shared: ChunkBuffers;
  readonly #pipelines: ReadonlyMap<Entry | 'gather', GPUComputePipeline>;
  readonly #uniform: GPUBuffer;
  readonly #batches: GPUBuffer;
  readonly #groups = new Map<Entry, GPUBindGroup>();
  readonly #gatherGroups = new WeakMap<DataBank, GPUBindGroup>();

  static async create(
    device: Device,
    shape: KernelShape,
    perThread: PerThread,
    buffers: ChunkBuffers,
    entries: readonly Entry[],
  ): Promise<TrainTiles> {
    const code = trainTiles({ perThread });
    const compiled = await Promise.all([
      device.pipeline({ label: 'tiles-gather', code: tilesGather() }),
      ...entries.map((entryPoint) =>
        device.pipeline({ label: `tiles-${entryPoint}`, code, entryPoint, options: { perThread } }),
      ),
    ]);
    const names = ['gather', ...entries] as const;
    return new TrainTiles(
      device,
      shape,
      perThread,
      buffers,
      new Map(names.map((name, k) => [name, compiled[k]])),
    );
  }

  private constructor(
    device: Device,
    shape: KernelShape,
    perThread: PerThread,
    shared: ChunkBuffers,
    pipelines: ReadonlyMap<Entry | 'gather', GPUComputePipeline>,
  ) {
    this.#device = device;
    this.shape = shape;
    this.perThread = perThread;
    this.#shared = shared;
    this.#pipelines = pipelines;
    this.layout = tilesLayout(shape, perThread);
    const { moment, scratchWords } = this.layout;
    const { slots, capacity } = shared;
    const { bytesPerStep } = tilesFootprint(shape, perThread);
    this.stateFloats = 3 * moment;
    const { featureQuads, unitQuads } = this.layout;
    const pitch = 4 * unitQuads; // from one feature to the next
    const vectorsAt = 4 * featureQuads * pitch;
    const vectors = [vectorsAt, vectorsAt + pitch, vectorsAt + 2 * pitch] as const;
    this.places = placesOf(shape, (h, feature) => feature * pitch + h, vectors);
    this.state = device.allocate('tiles-state', 12 * moment * slots, STORAGE);
    this.scratch = device.allocate('tiles-scratch', 4 * (SCRATCH_HEAD + scratchWords * slots), STORAGE);
    this.#batches = device.allocate('tiles-batches', bytesPerStep * capacity, STORAGE);
    this.#uniform = device.allocate(
      'tiles-shape',
      16 * Math.ceil(SHAPE.words / 4),
      BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    );
    for (const [entry, pipeline] of pipelines) {
      if (entry !== 'gather') this.#groups.set(entry, this.#bind(entry, pipeline));
    }
  }

  #bind(entry: Entry, pipeline: GPUComputePipeline): GPUBindGroup {
    const { positions, paused, hypers, steps, sums } = this.#shared;
    return bindGroup(this.#device.gpu, pipeline, [
      this.#uniform,
      positions,
      paused,
      hypers,
      steps,
      entry === 'vectors' ? undefined : this.#batches,
      this.state,
      entry === 'train' || entry === 'loss' ? sums : undefined,
      this.scratch,
    ]);
  }

  /** Begins a chunk: writes the shape and encodes the gather of all batches. */
  begin(recorder: Recorder, { steps, banks }: Chunk): void {
    const { features, batch } = this.shape;
    const values = { ...this.layout, features, batch, stride: steps };
    recorder.upload(this.#uniform, 0, SHAPE.array([values]));
    const gather = this.#pipelines.get('gather')!;
    for (const { bank, entries } of banks) {
      let group = this.#gatherGroups.get(bank);
      if (!group) {
        const { sources, rows, labels } = bank;
        const buffers = [this.#uniform, sources, this.#shared.order, rows, labels, this.#batches];
        group = bindGroup(this.#device.gpu, gather, buffers);
        this.#gatherGroups.set(bank, group);
      }
      recorder.dispatch(gather, group, [steps, entries]);
    }
  }

  launch(recorder: Recorder, entry: Entry, x: number, y = 1): void {
    recorder.dispatch(this.#pipelines.get(entry)!, this.#groups.get(entry)!, [x, y]);
  }

  destroy(): void {
    for (const buffer of [this.state, this.scratch, this.#batches, this.#uniform]) this.#device.free(buffer);
  }
}

/** A training kernel made of these tiles. Subclasses say how the tiles are launched. */
export abstract class TilesKernel implements TrainingKernel {
  abstract readonly name: KernelName;
  protected readonly tiles: TrainTiles;

  constructor(tiles: TrainTiles) {
    this.tiles = tiles;
  }

  get state(): GPUBuffer {
    return this.tiles.state;
  }

  get stateFloats(): number {
    return this.tiles.stateFloats;
  }

  get places(): Uint32Array {
    return this.tiles.places;
  }

  abstract encode(recorder: Recorder, chunk: Chunk): void;

  abstract costs(chunk: ChunkSize): Costs;

  destroy(): void {
    this.tiles.destroy();
  }
}
