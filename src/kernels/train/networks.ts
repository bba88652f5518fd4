/**
 * Trained networks on the device, several in one buffer, as scoring reads them. They are copied out of the states of
 * their runs (shaders/train/copy-networks.wgsl.ts), so that the runs' slots are free for others. Weights come to the
 * host only when someone reads them.
 */
import { COPY_INVOCATIONS, COPY_SHAPE, copyNetworks } from '../../../shaders/train/copy-networks.wgsl.js';
import type { Cost } from '../../gpu/cost.js';
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import type { WaitOptions } from '../../gpu/waits.js';
import { gridOf } from '../grid.js';
import type { MlpWeights } from './mlp-weights.js';
import type { TrainingKernel } from './training-kernel.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** The most networks in one buffer. They are scored in one dispatch, which has to stay short. */
const NETWORKS = 8;

/**
 * Where a network's parameters lie, in floats: row h of w1 at `h * pitch`, b1 and after it w2 at `vectorsAt`, b2 at
 * `outputBiasAt`.
 */
export interface NetworkLayout {
  readonly features: number;
  readonly hidden: number;
  readonly pitch: number;
  readonly vectorsAt: number;
  readonly outputBiasAt: number;
  /** Floats of one network. */
  readonly floats: number;
}

/** How many networks of this layout go into one buffer. */
export function networksAtOnce(device: Device, { floats }: NetworkLayout): number {
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  return Math.max(1, Math.min(NETWORKS, Math.floor(most / (4 * floats))));
}

/** Some networks of one layout, in a buffer of their own. */
export class Networks {
  readonly layout: NetworkLayout;
  readonly count: number;
  /** [network] `layout.floats` floats each. */
  readonly buffer: GPUBuffer;
  readonly #device: Device;

  /** All parameters begin as 0. */
  constructor(device: Device, layout: NetworkLayout, count: number) {
    this.#device = device;
    this.layout = layout;
    this.count = count;
    this.buffer = device.allocate('trained networks', 4 * layout.floats * count, STORAGE);
  }

  /** Writes all networks from the host. */
  write(floats: Float32Array): void {
    this.#device.commands.write(this.buffer, 0, floats);
  }

  /** The weights of network k, once all work so far is done. */
  async read(k: number, options: WaitOptions = {}): Promise<MlpWeights> {
    const { features, hidden, pitch, vectorsAt, outputBiasAt, floats } = this.layout;
    const bytes = await this.#device.read(this.buffer, 4 * floats * k, 4 * floats, options);
    const network = new Float32Array(bytes);
    const w1 = new Float32Array(hidden * features);
    for (let h = 0; h < hidden; h++) w1.set(network.subarray(h * pitch, h * pitch + features), h * features);
    return {
      w1,
      b1: network.slice(vectorsAt, vectorsAt + hidden),
      w2: network.slice(vectorsAt + hidden, vectorsAt + 2 * hidden),
      b2: network.slice(outputBiasAt, outputBiasAt + 1),
    };
  }

  free(): void {
    this.#device.free(this.buffer);
  }
}

/** A run whose network is copied: its slot, and the column of w1 to which each live feature belongs. */
interface TrainedRun {
  slot: number;
  columns: Uint16Array;
}

/** Copies networks out of the states of one training kernel. */
export class NetworkCopier {
  readonly #device: Device;
  readonly #kernel: TrainingKernel;
  readonly #pipeline: GPUComputePipeline;
  readonly #places: GPUBuffer;

  static async create(device: Device, kernel: TrainingKernel): Promise<NetworkCopier> {
    const pipeline = await device.pipeline({ label: 'copy-networks', code: copyNetworks() });
    return new NetworkCopier(device, kernel, pipeline);
  }

  private constructor(device: Device, kernel: TrainingKernel, pipeline: GPUComputePipeline) {
    this.#device = device;
    this.#kernel = kernel;
    this.#pipeline = pipeline;
    this.#places = this.#upload(kernel.places);
  }

  /**
   * Copies the live parameters of `runs`, as they are after all chunks sent so far, into `networks`, which already
   * have all others.
   */
  copy(runs: readonly TrainedRun[], networks: Networks): void {
    const { layout, buffer } = networks;
    const live = runs[0].columns.length;
    const { state, stateFloats, places } = this.#kernel;
    const slots = this.#upload(Uint32Array.from(runs, ({ slot }) => slot));
    const columns = this.#upload(Uint32Array.from(runs.flatMap((run) => [...run.columns])));
    const values = { ...layout, live, stateFloats, networkFloats: layout.floats };
    this.#device.commands.dispatch({
      pipeline: this.#pipeline,
      params: COPY_SHAPE.array([values]),
      bindings: [this.#places, slots, columns, state, buffer].map((each) => ({ buffer: each })),
      grid: [...gridOf(Math.ceil(places.length / COPY_INVOCATIONS)), runs.length],
      note: () => ({
        ...copyCost(places.length, live, runs.length),
        shapes: `${runs.length} networks, ${live} -> ${layout.hidden} -> 1`,
      }),
    });
    this.#device.commands.flush();
    for (const each of [slots, columns]) this.#device.free(each);
  }

  #upload(words: Uint32Array): GPUBuffer {
    const buffer = this.#device.allocate('network places', words.byteLength, STORAGE);
    this.#device.commands.write(buffer, 0, words);
    return buffer;
  }

  destroy(): void {
    this.#device.free(this.#places);
  }
}

/** The cost of a copy: the places are read once, the rest once for each network. */
export function copyCost(parameters: number, live: number, networks: number): Cost {
  return { bytes: 4 * (parameters + networks * (2 * parameters + live + 1)), flops: 0 };
}
