// Upload buffers: what the host writes reaches the target, their memory is used again once it is given back, and none outlives
// its user or the device.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { type Upload, Uploads } from '../../src/gpu/uploads.js';
import { BufferUsage } from '../../src/gpu/usage.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const targetOn = (on: Device) =>
  on.allocate('target', 4096, BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST);

/** Sends words, as a caller does: they are written before the submit and after it was recorded. */
function sent(on: Device, uploads: Uploads, words: readonly number[]): Upload {
  const recorder = on.commands.record('upload');
  const upload = uploads.take(recorder, words.length);
  upload.words.set(words);
  upload.close();
  recorder.submit();
  return upload;
}

it('brings words to the start of the target, in the order of the submits', async () => {
  const target = targetOn(device);
  const uploads = new Uploads(device, target);
  const first = sent(device, uploads, [1, 2, 3]);
  const second = sent(device, uploads, [4, 5]);
  expect([...new Uint32Array(await device.read(target, 0, 16))]).toEqual([4, 5, 3, 0]);
  for (const upload of [first, second]) upload.give();
  uploads.destroy();
  device.free(target);
});

it('takes memory again that was given back, and replaces it where it is too small', async () => {
  const target = targetOn(device);
  const uploads = new Uploads(device, target);
  for (const bytes of [8, 3600]) await device.read(target, 0, bytes); // makes what it reads through
  const before = device.memory();
  const buffers = () => device.memory().buffers - before.buffers;
  for (let k = 0; k < 5; k++) {
    const upload = sent(device, uploads, [k, k]);
    expect([...new Uint32Array(await device.read(target, 0, 8))]).toEqual([k, k]);
    upload.give();
    await device.read(target, 0, 8); // by then it is mapped
    expect(buffers()).toBe(1);
  }
  const words = Array.from({ length: 900 }, (_, k) => k);
  sent(device, uploads, words);
  expect([...new Uint32Array(await device.read(target, 0, 3600))]).toEqual(words);
  expect(buffers()).toBe(1);
  uploads.destroy();
  expect(device.memory().bytes).toBe(before.bytes);
  device.free(target);
});

it('is quiet where the device goes before the memory is mapped again', async () => {
  const gone = await openDevice();
  const uploads = new Uploads(gone, targetOn(gone));
  const upload = sent(gone, uploads, [1]);
  upload.give();
  gone.destroy();
  uploads.destroy();
  await gone.lost;
  expect(gone.memory().buffers).toBe(0);
});
