/**
 * What the two launchers of the training tiles share (tiles-persistent.ts, tiles-batched.ts; WGSL:
 * shaders/train/tiles/train.wgsl.ts): how a run's state and scratch memory are laid out, the gather dispatch, the
 * bindings. How steps are dispatched differs and is in their own files.
 */

import { advanceSteps } from '../../../shaders/train/tiles/advance.wgsl.js';
import {
  ACROSS,
  OUTPUT_WORDS,
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

/**
 * Entry points of the module: `train` does all steps of a run, the others do one part of a step each; `advance` does the last
 * part of a step and the first one of the next.
 */
export type Entry = 'train' | 'forward' | 'backward' | 'vectors' | 'advance';

/** What a backward tile costs, by its size, in instructions: about. */
const TILE_COST: Record<PerThread, number> = { 4: 1, 8: 3 };

const FEATURE_THREADS = [1, 2, 4, 8, 16] as const;
type FeatureThreads = (typeof FEATURE_THREADS)[number];
const MOST_FEATURE_THREADS = 16;

/** The most features that `advance` takes: a tile has all of them. */
export const MOST_ADVANCED = 4 * MOST_FEATURE_THREADS;

/** How the backward pass is cut into tiles with `size` rows and columns an invocation. */
function backwardTiles(
  { features, hidden }: Pick<KernelShape, 'features' | 'hidden'>,
  size: PerThread,
  // No more than the features need, for each invocation reads the bits of its units.
  featureThreads: FeatureThreads = FEATURE_THREADS.find((threads) => threads * size >= features) ??
    MOST_FEATURE_THREADS,
) {
  const blockUnits = (TILE_INVOCATIONS / featureThreads) * size;
  const unitBlocks = Math.ceil(hidden / blockUnits);
  const featureTiles = Math.ceil(features / (featureThreads * size));
  const cost = unitBlocks * featureTiles * TILE_COST[size];
  return { backward: size, featureThreads, blockUnits, unitBlocks, featureTiles, cost };
}

/**
 * Large tiles backward only where they leave few invocations without work; for `advance` and for matrices, the units of a small forward
 * tile.
 */
function backwardCut(shape: KernelShape, perThread: PerThread, isSquare: boolean) {
  if (isSquare) return backwardTiles(shape, 4, MOST_FEATURE_THREADS);
  const [small, same] = [backwardTiles(shape, 4), backwardTiles(shape, perThread)];
  return small.cost < same.cost ? small : same;
}

/**
 * For a shape: how many tiles there are, how large they are, and where things lie in scratch memory.
 *
 * @param advances Whether it is for the entry `advance`; then `perThread` is 4. Default false.
 * @param lanes Where matrices do the products, as in {@link TilesOptions}; then too.
 */
export function tilesLayout(shape: KernelShape, perThread: PerThread, advances = false, lanes?: number) {
  const { features, hidden, batch } = shape;
  const { backward, featureThreads, blockUnits, unitBlocks, featureTiles } = backwardCut(
    shape,
    perThread,
    advances || lanes !== undefined,
  );
  const featureQuads = Math.ceil(features / 4);
  const unitQuads = Math.ceil(hidden / 4);
  const sampleQuads = Math.ceil(batch / 4);
  const side = ACROSS * perThread;
  const unitTiles = Math.ceil(hidden / side);
  const partialsAt = OUTPUT_WORDS;
  // A tile that is only partly filled writes all of its blocks, so all count.
  const partials = 4 * sampleQuads * unitTiles * (side / UNIT_BLOCK);
  const activeAt = partialsAt + (advances ? 2 : 1) * partials;
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
    unitBlocks,
    featureTiles,
    blockQuads: blockUnits / 4,
    perThread: backward,
    /** Invocations along the features of a backward tile. */
    featureThreads,
    vectors: 2,
    partialsAt,
    partialWords: advances ? partials : 0,
    activeAt,
    dotsAt,
    sumsAt,
    scratchWords: sumsAt + 4 * unitQuads,
    /** Floats of a run's weights, and of each moment. */
    moment: 4 * ((4 * featureQuads + 2) * unitQuads + 1),
  };
}

/** @param advances As {@link tilesLayout} takes it. */
export function tilesFootprint(shape: KernelShape, perThread: PerThread, advances = false): KernelFootprint {
  const { moment, scratchWords, sampleQuads, rowWords } = tilesLayout(shape, perThread, advances);
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
  readonly lanes?: number;
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
    lanes?: number,
  ): Promise<TrainTiles> {
    const advances = entries.includes('advance');
    const layout = tilesLayout(shape, perThread, advances, lanes);
    const options = {
      perThread,
      backward: layout.perThread,
      featureThreads: layout.featureThreads,
      unrolled: !device.info.isCpu,
      ...(lanes && { lanes }),
    };
    const code = trainTiles(options) + (advances ? advanceSteps : '');
    const compiled = await Promise.all([
      device.pipeline({ label: 'tiles-gather', code: tilesGather() }),
      ...entries.map((entryPoint) =>
        device.pipeline({ label: `tiles-${entryPoint}`, code, entryPoint, options }),
      ),
    ]);
    const names = ['gather', ...entries] as const;
    return new TrainTiles(
      device,
      shape,
      perThread,
      layout,
      buffers,
      new Map(names.map((name, k) => [name, compiled[k]])),
      lanes,
    );
  }

  private constructor(
    device: Device,
    shape: KernelShape,
    perThread: PerThread,
    layout: TrainTiles['layout'],
    shared: ChunkBuffers,
    pipelines: ReadonlyMap<Entry | 'gather', GPUComputePipeline>,
    lanes?: number,
  ) {
    this.#device = device;
    this.shape = shape;
    this.perThread = perThread;
    this.#shared = shared;
    this.#pipelines = pipelines;
    this.lanes = lanes;
    this.layout = layout;
    const { moment, scratchWords } = layout;
    const { slots, capacity } = shared;
    const { bytesPerStep } = tilesFootprint(shape, perThread);
    this.stateFloats = 3 * moment;
    const { featureQuads, unitQuads } = layout;
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
      entry === 'forward' || entry === 'vectors' ? undefined : sums,
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

  /** Whether it was made with this entry. */
  has(entry: Entry): boolean {
    return this.#pipelines.has(entry);
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
