/**
 * One buffer a device for single elements that live on after their graph: the loss of each step, until it is
 * collected. A thousand of them take 4 KB here, and a buffer each anywhere else.
 */
import type { Device } from '../gpu/device.js';
import { BYTES_PER_ELEMENT } from './dtype.js';
import { Storage } from './storage.js';
import type { Tensor } from './tensor.js';

const SLOTS = 16384;

interface Page {
  buffer: GPUBuffer;
  free: number[];
}

const pages = new WeakMap<Device, Page[]>();

function pageWithRoom(device: Device): Page {
  const list = pages.get(device) ?? [];
  pages.set(device, list);
  let page = list.find(({ free }) => free.length > 0);
  if (!page) {
    const buffer = device.pool.take(SLOTS * BYTES_PER_ELEMENT);
    page = { buffer, free: Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i) };
    list.push(page);
  }
  return page;
}

/** Moves a tensor with one element to the page, unless it shares its memory. */
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
  tensor.relocate(small, slot);
}
