/**
 * The cohorts of one training, one for each number of live features. A cohort is opened when its first run comes: a
 * kernel is picked, memory is planned, and both are made. A run from a checkpoint goes on with the kernel that made
 * the checkpoint.
 */
import type { Device } from '../gpu/device.js';
import type { KernelName, KernelShape } from '../kernels/train/training-kernel.js';
import { span } from '../platform/host-spans.js';
import type { BinaryDataset } from '../tensor/bits.js';
import { variantNamed } from './autotune/candidates.js';
import { chooseVariant } from './autotune/index.js';
import type { StateLayout } from './checkpoint.js';
import { Cohort } from './cohort.js';
import { checkFits } from './data-banks.js';
import { liveColumns } from './live-columns.js';
import { planMemory } from './memory-plan.js';
import type { Settings } from './options.js';
import type { RunCheckpoint } from './types.js';

/** The number of passing windows in a row that ends a run, where there is no stop rule. */
const NEVER = 0xffffffff;

export class Cohorts {
  readonly #device: Device;
  readonly #settings: Settings;
  /** How many runs are to come. */
  readonly #expectedRuns: number;
  readonly #cohorts = new Map<number, Cohort>();
  /** By number of live features: the kernel that made the checkpoints of such runs. */
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

  /** @throws LockstepError `unsupported` for a training set that the device cannot bind at once. */
  check(dataset: BinaryDataset): void {
    const { rows, cols } = dataset.x;
    // Whether it fits without the columns that are always 0 matters only where all would not fit.
    if (dataset.x.words.byteLength > this.#device.limits.maxStorageBufferBindingSize)
      checkFits(this.#device, rows, Math.min(cols, this.columnsOf(dataset).length));
  }

  #shape(features: number): KernelShape {
    const { hidden, batchSize } = this.#settings;
    return { features, hidden, batch: batchSize };
  }

  /**
   * The layout that a checkpoint of a run on this dataset must have. The first checkpoint decides the kernel for all
   * runs with as many live features.
   */
  layoutOf({ kernel }: RunCheckpoint, dataset: BinaryDataset): StateLayout {
    const features = this.columnsOf(dataset).length;
    const trains = this.#cohorts.get(features)?.kernelName ?? this.#resumed.get(features) ?? kernel;
    this.#resumed.set(features, trains);
    const shape = this.#shape(features);
    const variant = variantNamed(trains, this.#device, shape, this.#expectedRuns);
    const { slotBuffers, batchPitch } = variant.footprint(shape, this.#device);
    return { kernel: trains, stateFloats: slotBuffers[0] / 4, batchPitch };
  }

  /** The cohort of runs with this many live features, if it is open. */
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
    const note = [plan.note, variant.note].filter(Boolean).join('; ') || undefined;
    const cohort = await Cohort.create(
      this.#device,
      variant,
      shape,
      { ...plan, note },
      stop?.windows ?? NEVER,
    );
    this.#cohorts.set(features, cohort);
    return cohort;
  }

  destroy(): void {
    for (const cohort of this.#cohorts.values()) cohort.destroy();
  }
}
