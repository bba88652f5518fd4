/**
 * Keeps the results of a graph after its backward pass, as the program may still hold them. Only the garbage collector knows
 * which it holds, and its finalizers run only when the program awaits something. So small results move to shared pages: the
 * step's own buffers are free for the next step, and no result needs a finalizer of its own. Large results keep their memory.
 *
 * In a program that never awaits, finalizers never run. There, above a limit, the oldest results that no other tensor shares
 * memory with are freed. Using one later is an error that says so, never a wrong value.
 */
import type { Device } from '../gpu/device.js';
import { BYTES_PER_ELEMENT } from './dtype.js';
import { type Memory, type Storage, sharedStorage } from './storage.js';
import type { Tensor } from './tensor.js';

/** Results up to this many bytes move to a page. */
const SMALL = 16 * 2 ** 10;
/** A page of results. */
const PAGE_BYTES = 64 * 2 ** 10;
/** A page of single elements, as losses are. One loss that is held keeps only this much memory from being freed. */
const SCALARS_BYTES = 16 * 2 ** 10;
/** How many of the last passes keep all their results. */
const PASSES_KEPT = 2;

let mostBytes = 512 * 2 ** 20;

/** Bytes that passes may leave behind between two awaits; for tests. */
export function setLeftoverLimit(bytes: number): number {
  const before = mostBytes;
  mostBytes = bytes;
  return before;
}

/** A buffer that results share, filled from its start. */
class Page implements Memory {
  readonly buffer: GPUBuffer;
  reclaimed = false;
  /** The first free byte. */
  top = 0;
  /** Storages on it that are not released. */
  live = 0;
  /** The storages on it. Empty for a page of single elements, of which there are too many to keep track of. */
  readonly storages: Storage[] = [];

  constructor(buffer: GPUBuffer) {
    this.buffer = buffer;
  }
}

const collected = new FinalizationRegistry<{ device: Device; buffer: GPUBuffer }>(({ device, buffer }) => {
  device.pool.give(buffer);
});

/** Memory that may be freed early. */
interface Entry {
  pass: number;
  bytes: number;
  /** Frees it; returns false where another tensor shares the memory. */
  reclaim: () => boolean;
}

/** One device's pages, and what its passes have left behind since the program last awaited. */
class Leftovers {
  readonly #device: Device;
  #scalars: Page | undefined;
  #page: Page | undefined;
  #entries: Entry[] = [];
  #bytes = 0;
  #pass = 0;
  #awaitsTurn = false;

  constructor(device: Device) {
    this.#device = device;
  }

  take(results: readonly Tensor[]): void {
    this.#pass++;
    const byStorage = new Map<Storage, Tensor[]>();
    for (const result of results) {
      const same = byStorage.get(result.storage);
      if (same) same.push(result);
      else byStorage.set(result.storage, [result]);
    }
    for (const [storage, tensors] of byStorage) {
      // Another tensor over this memory has to see changes in place: the memory stays where it is.
      if (storage.references > tensors.length) continue;
      const spans = tensors.map((tensor) => tensor.span());
      const first = Math.min(...spans.map((span) => span.first));
      const last = Math.max(...spans.map((span) => span.first + span.count));
      const bytes = (last - first) * BYTES_PER_ELEMENT;
      if (bytes > 0 && bytes <= SMALL) this.#move(storage, tensors, first, bytes);
      else this.#keep(storage, tensors);
    }
    this.#reclaim();
  }

  /** Moves all tensors over this memory to a page. */
  #move(storage: Storage, tensors: readonly Tensor[], first: number, bytes: number): void {
    const page = this.#pageFor(bytes);
    const at = page.top;
    page.top += bytes;
    page.live++;
    const { commands } = this.#device;
    commands.copy(storage.buffer, first * BYTES_PER_ELEMENT, page.buffer, at, bytes);
    const small = sharedStorage(this.#device, page, () => this.#released(page));
    small.version = storage.version;
    if (page !== this.#scalars) page.storages.push(small);
    tensors.forEach((tensor, i) => {
      if (i > 0) small.retain();
      tensor.relocate(small, at / BYTES_PER_ELEMENT + tensor.offset - first, { watched: false });
      tensor.leave();
    });
  }

  #pageFor(bytes: number): Page {
    const single = bytes === BYTES_PER_ELEMENT;
    const size = single ? SCALARS_BYTES : PAGE_BYTES;
    const current = single ? this.#scalars : this.#page;
    if (current && current.top + bytes <= size) return current;
    if (current && !single) {
      this.#enter(size, () => {
        if (current.storages.some(({ references, left }) => references > left)) return false;
        current.reclaimed = true;
        this.#give(current);
        return true;
      });
    }
    const page = new Page(this.#device.pool.take(size));
    collected.register(page, { device: this.#device, buffer: page.buffer }, page);
    if (single) this.#scalars = page;
    else this.#page = page;
    return page;
  }

  /** A storage of the page is released. */
  #released(page: Page): void {
    page.live--;
    if (page.live > 0 || page.reclaimed) return;
    page.top = 0;
    page.storages.length = 0;
    if (page !== this.#scalars && page !== this.#page) this.#give(page);
  }

  #give(page: Page): void {
    if (collected.unregister(page)) this.#device.pool.give(page.buffer);
  }

  /** Large results stay where they are. */
  #keep(storage: Storage, tensors: readonly Tensor[]): void {
    for (const tensor of tensors) tensor.leave();
    this.#enter(storage.buffer.size, () => {
      if (storage.references > storage.left) return false;
      storage.reclaim();
      return true;
    });
  }

  #enter(bytes: number, reclaim: () => boolean): void {
    this.#entries.push({ pass: this.#pass, bytes, reclaim });
    this.#bytes += bytes;
    if (this.#awaitsTurn) return;
    this.#awaitsTurn = true;
    // Once the program awaits, finalizers run and free what is not held.
    const timer: unknown = setTimeout(() => {
      this.#awaitsTurn = false;
      this.#entries = [];
      this.#bytes = 0;
    }, 0);
    (timer as { unref?: () => void }).unref?.();
  }

  #reclaim(): void {
    let done = 0;
    while (this.#bytes > mostBytes && done < this.#entries.length) {
      const { pass, bytes, reclaim } = this.#entries[done];
      if (pass > this.#pass - PASSES_KEPT) break;
      done++;
      reclaim();
      this.#bytes -= bytes;
    }
    this.#entries.splice(0, done);
  }
}

const byDevice = new WeakMap<Device, Leftovers>();

/** Keeps the results of a backward pass, all of one device, as long as the program holds them. */
export function leaveToCaller(results: readonly Tensor[]): void {
  const [first] = results;
  if (!first) return;
  let leftovers = byDevice.get(first.device);
  if (!leftovers) {
    leftovers = new Leftovers(first.device);
    byDevice.set(first.device, leftovers);
  }
  leftovers.take(results);
}
