/**
 * Training sets on the device. A few large buffers (banks), each at most one binding, hold the packed rows and labels of many
 * datasets. A dataset that several runs share is stored once, as long as one of them needs it.
 */

import { SOURCE } from '../../shaders/train/chunk.wgsl.js';
import type { Device } from '../gpu/device.js';
import { BufferUsage } from '../gpu/usage.js';
import type { DataBank } from '../kernels/train/training-kernel.js';
import { LockstepError } from '../platform/errors.js';
import type { BinaryDataset } from '../tensor/bits.js';
import { type LiveDataset, liveDataset } from './live-columns.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_DST;
/** Small datasets share a bank of this size. */
const SMALL_BANK_BYTES = 8 * 2 ** 20;

interface Bank extends DataBank {
  usedRows: number;
  usedLabels: number;
  datasets: number;
}

/** Where a dataset lies in its bank: the first word of its rows and of its labels. */
export interface Placement {
  bank: DataBank;
  rowsAt: number;
  labelsAt: number;
  examples: number;
  columns: Uint16Array;
}

interface Entry {
  placement: Placement;
  /** Runs that train on it. At 0 it is no longer on the device. */
  runs: number;
}

/** @throws LockstepError `unsupported` for a training set that the device cannot bind at once. */
export function checkFits({ limits }: Pick<Device, 'limits'>, examples: number, features: number): void {
  const most = limits.maxStorageBufferBindingSize;
  const bytes = 4 * Math.ceil(features / 32) * examples;
  if (bytes <= most) return;
  throw new LockstepError(
    'unsupported',
    `A training set of ${examples} examples of ${features} features takes ${bytes} bytes; this device binds at most ` +
      `${most} at once (maxStorageBufferBindingSize). Use at most ${Math.floor((most / bytes) * examples)} examples.`,
  );
}

export class DataBanks {
  readonly #device: Device;
  readonly #slots: number;
  readonly #banks = new Set<Bank>();
  /** Weak references, as the caller may drop a dataset once it is on the device. */
  readonly #byDataset = new WeakMap<BinaryDataset, Entry>();
  readonly #byPlacement = new Map<Placement, Entry>();

  /** @param slots The most runs that read from one bank at a time. */
  constructor(device: Device, slots: number) {
    this.#device = device;
    this.#slots = slots;
  }

  /** Uploads the given columns of the dataset unless they are there already. Each call needs one of {@link release}. */
  acquire(dataset: BinaryDataset, columns: Uint16Array): Placement {
    let entry = this.#byDataset.get(dataset);
    if (!entry || entry.runs === 0) {
      entry = { placement: this.#place(liveDataset(dataset, columns)), runs: 0 };
      this.#byDataset.set(dataset, entry);
      this.#byPlacement.set(entry.placement, entry);
    }
    entry.runs++;
    return entry.placement;
  }

  release(placement: Placement): void {
    const entry = this.#byPlacement.get(placement);
    if (!entry || --entry.runs > 0) return;
    this.#byPlacement.delete(placement);
    const bank = placement.bank as Bank;
    if (--bank.datasets === 0) this.#free(bank);
  }

  destroy(): void {
    for (const bank of this.#banks) this.#free(bank);
    this.#byPlacement.clear();
  }

  #free(bank: Bank): void {
    this.#banks.delete(bank);
    for (const buffer of [bank.rows, bank.labels, bank.sources]) this.#device.free(buffer);
  }

  #place(live: LiveDataset): Placement {
    const { rows, labels, examples, columns } = live;
    checkFits(this.#device, examples, columns.length);
    const fits = (bank: Bank) =>
      4 * bank.usedRows + rows.byteLength <= bank.rows.size &&
      4 * bank.usedLabels + labels.byteLength <= bank.labels.size;
    const bank = [...this.#banks].find(fits) ?? this.#open(rows.byteLength, labels.byteLength);
    const placement = { bank, rowsAt: bank.usedRows, labelsAt: bank.usedLabels, examples, columns };
    const { commands } = this.#device;
    commands.write(bank.rows, 4 * bank.usedRows, rows);
    commands.write(bank.labels, 4 * bank.usedLabels, labels);
    bank.usedRows += rows.length;
    bank.usedLabels += labels.length;
    bank.datasets++;
    return placement;
  }

  #open(rowsBytes: number, labelsBytes: number): Bank {
    const bank = {
      rows: this.#device.allocate('dataset rows', Math.max(rowsBytes, SMALL_BANK_BYTES), STORAGE),
      labels: this.#device.allocate('dataset labels', Math.max(labelsBytes, SMALL_BANK_BYTES / 4), STORAGE),
      sources: this.#device.allocate('dataset sources', 4 * SOURCE.words * this.#slots, STORAGE),
      usedRows: 0,
      usedLabels: 0,
      datasets: 0,
    };
    this.#banks.add(bank);
    return bank;
  }
}
