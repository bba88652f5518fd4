/**
 * Shared buffers for single elements that live on after their graph: the loss of each step, which nobody disposes. A
 * loss takes four bytes here, and nothing that needs a finalizer of its own: the collector takes it even in a loop
 * that never awaits, and a page's finalizer gives the buffer back once all losses on it are gone.
 */
import type { Device } from '../gpu/device.js';
import { BYTES_PER_ELEMENT } from './dtype.js';
import { Storage } from './storage.js';
import type { Tensor } from './tensor.js';

/** Elements a page, 16 KB: one loss that is kept keeps no more than this. */
const SLOTS = 4096;

/** What the tensors on it hold on to; the device holds the page that is being filled. */
interface Page {
  readonly buffer: GPUBuffer;
  readonly free: number[];
}

const filling = new WeakMap<Device, Page>();

const collected = new FinalizationRegistry<{ device: Device; buffer: GPUBuffer }>(({ device, buffer }) => {
  device.pool.give(buffer);
});

function pageWithRoom(device: Device): Page {
  const current = filling.get(device);
  if (current && current.free.length > 0) return current;
  const buffer = device.pool.take(SLOTS * BYTES_PER_ELEMENT);
  const page = { buffer, free: Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i) };
  collected.register(page, { device, buffer });
  filling.set(device, page);
  return page;
}

/** Moves a tensor with one element to a page, unless it shares its memory. */
export function intoScalarPage(tensor: Tensor): void {
  const { storage, offset, device } = tensor;
  if (storage.references > 1) return;
  const page = pageWithRoom(device);
  const slot = page.free.pop() as number;
  device.commands.copy(
    storage.buffer,
    offset * BYTES_PER_ELEMENT,
    page.buffer,
    slot * BYTES_PER_ELEMENT,
    BYTES_PER_ELEMENT,
  );
  const small = new Storage(device, 0, { buffer: page.buffer, release: () => page.free.push(slot) });
  tensor.relocate(small, slot, { watched: false });
}
