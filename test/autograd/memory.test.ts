// The device memory that a training loop leaves in use, with and without dispose, scope and await.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { defineOp } from '../../src/autograd/define-op.js';
import {
  add,
  argmax,
  bceLoss,
  cast,
  indexSelect,
  mean,
  mul,
  relu,
  sum,
} from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import type { MemoryUse } from '../../src/gpu/device-info.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { ones, rand, randn, randperm, tensor } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const leaf = (...values: number[]) => tensor(values, { requiresGrad: true });

/** Losses and small results outlive their graphs on shared pages (src/tensor/leftovers.ts). */
const LOSSES_PER_PAGE = 4096;
const LOSSES_BYTES = 4 * LOSSES_PER_PAGE;
const PAGE_BYTES = 64 * 1024;

/** Collects garbage until finalizers have run; the memory in use then. */
async function settle(): Promise<MemoryUse> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return device.memory();
}

describe('scope', () => {
  it('frees what it made, also on the way out of an exception, and keeps what it returns', async () => {
    const x = randn([8]);
    // The first launch makes the buffer of kernels' params, the first read one to stage it.
    using first = mul(x, 2);
    await first.data();
    const before = await settle();
    const kept = scope(() => {
      const y = mul(x, 2);
      return { list: [add(y, 1)], map: new Map([['y', mul(y, 2)]]) };
    });
    expect(device.memory().buffers).toBe(before.buffers + 2);
    expect((await kept.list[0].data()).length).toBe(8);
    kept.list[0].dispose();
    kept.map.get('y')?.dispose();
    expect(() =>
      scope(() => {
        mul(x, 2);
        throw new Error('midway');
      }),
    ).toThrow('midway');
    expect(device.memory().buffers).toBe(before.buffers);
  });
});

describe('PyTorch’s loop, which reads an output after the step', () => {
  // Steps, elements, and the most MB in use: all results together would take 0.65, small ones on pages, and 315.
  it.each([
    [10_000, 8, 0.45],
    [600, 2 ** 16, 200],
  ])('leaves the memory flat over %i steps of %i elements', async (count, elements, megabytes) => {
    const w = rand([elements], { requiresGrad: true });
    const optimizer = new optim.SGD([w], { lr: 0.01 });
    let most = 0;
    const steps = async (from: number, to: number) => {
      for (let step = from; step < to; step++) {
        optimizer.zeroGrad();
        const out = relu(mul(w, 2));
        const loss = mean(out);
        loss.backward();
        optimizer.step();
        if (step % 50 === 49) {
          using best = argmax(out);
          await best.item();
        }
        most = Math.max(most, device.memory().bytes);
      }
    };
    await steps(0, 100);
    const before = await settle();
    await steps(100, count);
    expect(most - before.bytes).toBeLessThan(megabytes * 1e6);
    expect((await settle()).bytes).toBeLessThanOrEqual(before.bytes + PAGE_BYTES);
  });
});

describe('1,000 training steps', () => {
  const model = () => {
    const net = new nn.Sequential(
      new nn.Linear(8, 16),
      new nn.ReLU(),
      new nn.Linear(16, 1),
      new nn.Sigmoid(),
    );
    return { net, optimizer: new optim.AdamW(net.parameters(), { lr: 0.01 }) };
  };

  it('leave the memory where it was', async () => {
    const { net, optimizer } = model();
    const x = rand([32, 8]);
    const y = cast(cast(mul(rand([32, 1]), 2), 'i32'), 'f32');
    let last = Number.NaN;
    const steps = async (count: number) => {
      for (let step = 0; step < count; step++) {
        optimizer.zeroGrad();
        const loss = bceLoss(net.forward(x), y);
        loss.backward();
        optimizer.step();
        if (step % 100 === 99) last = await loss.item();
      }
    };
    await steps(100);
    const first = last;
    const before = await settle(); // what earlier tests dropped is gone

    await steps(1000);
    // Outputs of 128 bytes, on pages until the collector has run.
    expect(device.memory().bytes).toBeLessThanOrEqual(before.bytes + 3 * PAGE_BYTES);
    const { buffers, bytes } = await settle();
    expect({ buffers, bytes }).toEqual({ buffers: before.buffers, bytes: before.bytes });
    expect(last).toBeLessThan(first);
  });

  it('without a single await take no more than the loss and the outputs, which might be held', () => {
    const { net, optimizer } = model();
    const x = rand([32, 8]);
    const y = cast(cast(mul(rand([32, 1]), 2), 'i32'), 'f32');
    const steps = (count: number) => {
      for (let step = 0; step < count; step++) {
        optimizer.zeroGrad();
        const loss = bceLoss(net.forward(x), y);
        loss.backward();
        optimizer.step();
      }
    };
    steps(10); // gradients, moments and the page of losses are there
    const before = device.memory();
    steps(2000);
    const after = device.memory();
    expect(after.buffers).toBeLessThanOrEqual(before.buffers + 1 + 4);
    expect(after.bytes).toBeLessThanOrEqual(before.bytes + LOSSES_BYTES + 4 * PAGE_BYTES);
    expect(after.pooled).toBeLessThanOrEqual(before.pooled);
  });

  it('give the losses’ pages back, but for one that still holds a loss', async () => {
    const w = leaf(3);
    const lossOf = () => {
      const loss = scope(() => sum(mul(w, w)));
      loss.backward();
      return loss;
    };
    const kept = lossOf();
    const before = await settle();
    for (let step = 0; step < 2 * LOSSES_PER_PAGE; step++) lossOf();
    expect(device.memory().buffers).toBeLessThanOrEqual(before.buffers + 2);
    const after = await settle();
    expect(after.bytes).toBe(before.bytes + LOSSES_BYTES); // the page with `kept`, and the one being filled
    expect(await kept.item()).toBe(9);
  });

  it('that throw midway leave nothing either, once the collector has run', async () => {
    const { net, optimizer } = model();
    const x = rand([32, 8]);
    const step = () => {
      optimizer.zeroGrad();
      const loss = mean(relu(net.forward(x)));
      loss.backward();
      optimizer.step();
    };
    step();
    const before = await settle();
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      optimizer.zeroGrad();
      expect(() => {
        const hidden = net.forward(x);
        mul(hidden, ones([3, 3, 3]));
      }).toThrow(/do not broadcast/);
      if (i % 10 === 0) await device.sync();
      most = Math.max(most, device.memory().buffers);
    }
    step();
    const after = await settle();
    expect(after.buffers).toBe(before.buffers);
    expect(after.bytes).toBe(before.bytes);
    // Finalizers ran on the way, without being asked to: 1,000 steps made 5,000 buffers and more.
    expect(most).toBeLessThan(4000);
  });

  it('on batches that nobody disposes stay within bounds, while the loop awaits now and then', async () => {
    const { net, optimizer } = model();
    const [x, y] = [rand([256, 8]), rand([256, 1])];
    let most = 0;
    for (let i = 0; i < 1500; i++) {
      const batch = randperm(256);
      optimizer.zeroGrad();
      const loss = bceLoss(net.forward(indexSelect(x, 0, batch)), indexSelect(y, 0, batch));
      loss.backward();
      optimizer.step();
      if (i % 20 === 0) await loss.item();
      most = Math.max(most, device.memory().buffers);
    }
    // Three tensors a step are forgotten: 4,500 without the collector.
    expect(most).toBeLessThan(3500);
  });

  it('whose backward rule throws leave nothing either', () => {
    const w = leaf(1, 2);
    const broken = defineOp({
      name: 'broken',
      forward: (_, x: Tensor) => mul(x, 2),
      backward: (g) => {
        mul(g, 3);
        throw new Error('midway');
      },
    });
    const step = () => {
      const square = mul(w, w);
      expect(() => sum(mul(broken(square), square)).backward()).toThrow('midway');
    };
    step();
    const before = device.memory().buffers;
    for (let i = 0; i < 100; i++) step();
    expect(device.memory().buffers).toBe(before);
  });

  it('in a scope leave nothing at once, also when they throw', () => {
    const { net } = model();
    const x = rand([32, 8]);
    const before = device.memory().buffers;
    for (let i = 0; i < 1000; i++) {
      expect(() =>
        scope(() => {
          net.forward(x);
          throw new Error('midway');
        }),
      ).toThrow('midway');
    }
    expect(device.memory().buffers).toBe(before);
  });

  it('predictions without a graph free what lies between the layers', () => {
    const { net } = model();
    const x = rand([32, 8]);
    const before = device.memory().buffers;
    const predictions = Array.from({ length: 10 }, () => noGrad(() => net.forward(x)));
    expect(device.memory().buffers).toBe(before + 10);
    for (const each of predictions) each.dispose();
  });
});
