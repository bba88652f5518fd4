// The pieces that `profile` measures run, and each of our kernels in them tells its bytes and operations.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { kernelTotals } from '../../src/profiler/profile.js';
import { takeProfile } from '../../src/profiler/take-profile.js';
import { kernelsPiece } from '../../src/report/kernel-cases.js';
import { stepPiece } from '../../src/report/pieces.js';

const options = { config: 'n8-k2', runs: 2, steps: 3, kernel: 'auto' } as const;
let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

it('each kernel alone', async () => {
  const piece = kernelsPiece(options);
  const profile = await takeProfile(device, () => piece.warmUp(device));
  const totals = kernelTotals(profile);
  const names = totals.map(({ kernel }) => kernel);
  const tensors = ['matmul', 'add', 'sum', 'max', 'softmax', 'indexSelect', 'fused mlp gradients', 'adamw'];
  // The kernels that run on any device train, and score, here too.
  const trains = ['portable-gradients', 'tiles-train', 'tiles-forward', 'close-window'];
  expect(names).toEqual(expect.arrayContaining([...tensors, ...trains]));
  expect(totals.filter(({ bytes, flops }) => bytes === undefined || flops === undefined)).toEqual([]);
});

it('training steps, as many as asked for', async () => {
  const piece = stepPiece(options);
  expect(piece.title).toBe('3 training steps of 2 runs, n8-k2');
  const { kernels } = await takeProfile(device, () => piece.run(device));
  // Steps of all runs, by chunk: on a busy machine a run may begin a chunk later than the other.
  const chunks = new Map<number, number>();
  for (const { shapes = '', submitted } of kernels) {
    const steps = /^\d+ runs?, (\d+) steps?,/.exec(shapes)?.[1];
    if (steps) chunks.set(submitted, Number(steps));
  }
  expect([...chunks.values()].reduce((sum, steps) => sum + steps, 0)).toBe(2 * 3);
});
