/**
 * The cohorts of one training, by number of live features, each opened when the first run of its kind comes: a kernel is picked,
 * memory is planned, and both are made. A checkpoint's run trains on with the kernel that made it.
 */
import type { Device } from '../gpu/device.js';
import type { KernelName, KernelShape } from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import type { BinaryDataset } from '../tensor/bits.js';
import { variantNamed } from './autotune/candidates.js';
import { chooseVariant } from './autotune/index.js';
import type { StateLayout } from './checkpoint.js';
import { Cohort } from './cohort.js';
import { liveColumns } from './live-columns.js';
import { planMemory } from './memory-plan.js';
import type { Settings } from './options.js';
import type { RunCheckpoint } from './types.js';

/** Windows in a row that end a run where there is no stop rule. */
const NEVER = 0xffffffff;

export class Cohorts {
  readonly #device: Device;
  readonly #settings: Settings;
  /** How many runs are to come. */
  readonly #expectedRuns: number;
  readonly #cohorts = new Map<number, Cohort>();
  /** The kernel that made the checkpoints of runs with so many live features. */
  readonly #resumed = new Map<number, KernelName>();
  readonly #columns = new WeakMap<BinaryDataset, Uint16Array>();

  constructor(device: Device, settings: Settings, expectedRuns: number) {
    this.#device = device;
    this.#settings = settings;
    this.#expectedRuns = expectedRuns;
  }

  columnsOf(dataset: BinaryDataset): Uint16Array {
    const columns = this.#columns.get(dataset) ?? span('data', 'live columns', () => liveColumns(dataset));
    this.#columns.set(dataset, columns);
    return columns;
  }

  #shape(features: number): KernelShape {
    const { hidden, batchSize } = this.#settings;
    return { features, hidden, batch: batchSize };
  }

  /** What a checkpoint of a run on this dataset has to look like: the first one decides for those like it. */
  layoutOf({ kernel }: RunCheckpoint, dataset: BinaryDataset): StateLayout {
    const features = this.columnsOf(dataset).length;
    const trains = this.#cohorts.get(features)?.kernelName ?? this.#resumed.get(features) ?? kernel;
    this.#resumed.set(features, trains);
    const shape = this.#shape(features);
    const variant = variantNamed(trains, this.#device, shape, this.#expectedRuns);
    const { slotBuffers, batchPitch } = variant.footprint(shape, this.#device);
    return { kernel: trains, stateFloats: slotBuffers[0] / 4, batchPitch };
  }

  /** The cohort of runs with so many live features, if one is open. */
  get(features: number): Cohort | undefined {
    return this.#cohorts.get(features);
  }

  /** @throws LockstepError `unsupported` where the device cannot hold one run. */
  async open(features: number): Promise<Cohort> {
    const { logInterval, kernel, stop } = this.#settings;
    const shape = this.#shape(features);
    const name = kernel === 'auto' ? (this.#resumed.get(features) ?? kernel) : kernel;
    const variant = await chooseVariant(this.#device, shape, name, this.#expectedRuns);
    const footprint = variant.footprint(shape, this.#device);
    const plan = planMemory(this.#device, shape, footprint, this.#expectedRuns, logInterval);
    const cohort = await Cohort.create(this.#device, variant, shape, plan, stop?.windows ?? NEVER);
    this.#cohorts.set(features, cohort);
    return cohort;
  }

  destroy(): void {
    for (const cohort of this.#cohorts.values()) cohort.destroy();
  }
}
