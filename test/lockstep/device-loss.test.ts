// A device that is lost, or destroyed by the caller, in every phase of a training: the caller gets a LockstepError
// `device-lost`, after the events of the runs that had finished, and nothing is left behind.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { add } from '../../src/autograd/ops/index.js';
import { defaultDevice } from '../../src/gpu/default-device.js';
import type { Device } from '../../src/gpu/device.js';
import { Staged } from '../../src/gpu/staging.js';
import { Networks } from '../../src/kernels/train/networks.js';
import { Scorer } from '../../src/kernels/train/scoring.js';
import { ChunkInputs } from '../../src/lockstep/chunk-inputs.js';
import { Cohort } from '../../src/lockstep/cohort.js';
import { Slot } from '../../src/lockstep/slots.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { LockstepEvent, LockstepOptions, LockstepRun } from '../../src/lockstep/types.js';
import { LockstepError } from '../../src/platform/errors.js';
import { tensor } from '../../src/tensor/create.js';
import { onceAfter } from './once-after.js';
import { randomDataset, randomWeights } from './outcomes.js';

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeAll(() => {
  process.on('unhandledRejection', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
});

let device: Device;
beforeEach(async () => {
  device = await openDevice();
});
afterEach(async () => {
  vi.restoreAllMocks();
  device.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20)); // a rejection that nobody took would be told by now
  expect(unhandled.splice(0)).toEqual([]);
});

const shape = { features: 8, hidden: 32 };
const runNumber = (k: number, more: Partial<LockstepRun> = {}): LockstepRun => ({
  weights: randomWeights(8, 32, k),
  dataset: randomDataset(200, 8, 50 + k),
  testSet: randomDataset(100, 8, 80 + k),
  orderSeed: k,
  ...more,
});
const runs = [runNumber(0), runNumber(1)];

/** What a device keeps from its first launch with params on. */
const PARAMS = { buffers: 1, bytes: 65536 };

/** The two ways in which a device goes. */
const ENDS: Record<string, { end(): void; message: RegExp }> = {
  'is lost': { end: () => device.gpu.destroy(), message: /^The device was lost \(destroyed\)/ },
  'is destroyed by the caller': {
    end: () => device.destroy(),
    message: /^The device was destroyed, by destroy\(\)/,
  },
};

/** Trains until it throws; calls `at` with every event. */
async function lossIn(options: Partial<LockstepOptions>, at: (event: LockstepEvent) => void = () => {}) {
  const events: LockstepEvent[] = [];
  const training = trainLockstep(device, { ...shape, maxSteps: 1e6, runs, recover: false, ...options });
  try {
    for await (const event of training) {
      events.push(event);
      at(event);
    }
  } catch (error) {
    expect(device.memory()).toMatchObject({ buffers: expect.any(Number) });
    expect(await training.next()).toEqual({ done: true, value: undefined });
    return { error: error as LockstepError, events };
  }
  throw new Error(`the training ended with ${events.length} events`);
}

/** Calls back when networks have been scored, and counts them. */
function onceScored(then: () => void): { count: number } {
  const { accuracies } = Scorer.prototype;
  const scored = { count: 0 };
  vi.spyOn(Scorer.prototype, 'accuracies').mockImplementation(async function (this: Scorer, ...args) {
    const shares = await accuracies.apply(this, args);
    scored.count += shares.flat().length;
    then();
    return shares;
  });
  return scored;
}

const finished = (events: LockstepEvent[]) => events.flatMap((e) => (e.type === 'finish' ? [e.run] : []));

describe.each(Object.entries(ENDS))('a device that %s', (_, { end, message }) => {
  /** Ends the device when a method is called the first time. */
  const endAt = (prototype: object, method: string) => onceAfter(prototype, method, end);
  const once = (type: LockstepEvent['type']) => (event: LockstepEvent) => {
    if (event.type === type) end();
  };

  const PHASES: [string, Partial<LockstepOptions>, (() => void)?, ((event: LockstepEvent) => void)?][] = [
    ['before the first event', {}, () => end()],
    ['while the kernel compiles', {}, () => setTimeout(end, 0)],
    ['when the kernel is there', {}, undefined, once('plan')],
    ['when a run is put in its slot', {}, () => endAt(Slot.prototype, 'load')],
    ['when a chunk is encoded', {}, () => endAt(ChunkInputs.prototype, 'write')],
    ['while the first chunk trains', {}, () => endAt(Staged.prototype, 'wait')],
    ['between two chunks', {}, undefined, once('progress')],
    ['at a window', { logInterval: 5 }, undefined, once('window')],
    ['while a checkpoint is read', { checkpointSeconds: 1e-6 }, () => endAt(Slot.prototype, 'save')],
    ['after a checkpoint', { checkpointSeconds: 1e-6 }, undefined, once('checkpoint')],
    ['when networks are copied', { maxSteps: 5 }, () => endAt(Cohort.prototype, 'copyNetworks')],
    ['while weights are read', { maxSteps: 5, keepWeights: true }, () => endAt(Networks.prototype, 'read')],
    ['while scoring', { maxSteps: 5 }, () => endAt(Scorer.prototype, 'accuracies')],
    ['on the portable kernel', { kernel: 'portable' }, undefined, once('progress')],
  ];
  it.each(PHASES)('%s', async (_phase, options, before = () => {}, at) => {
    before();
    const { error } = await lossIn(options, at);
    expect(error).toBeInstanceOf(LockstepError);
    expect(error.code).toBe('device-lost');
    expect(error.message).toMatch(message);
    // Reads that nobody waits for any more end one after the other.
    await vi.waitFor(
      () => {
        expect(device.memory().buffers).toBeLessThanOrEqual(PARAMS.buffers);
        expect(device.memory().bytes).toBeLessThanOrEqual(PARAMS.bytes);
      },
      { timeout: 5000 },
    );
    // And again, on the device that is gone.
    const again = await lossIn(options);
    expect(again.error).toMatchObject({ code: 'device-lost', message: expect.stringMatching(message) });
    expect(again.events).toEqual([]);
  });

  it('while the next run is waited for', async () => {
    async function* waiting() {
      yield runs[0];
      await new Promise(() => {});
    }
    const { error, events } = await lossIn({ runs: waiting(), maxSteps: 5 }, once('finish'));
    expect(error).toMatchObject({ code: 'device-lost', message: expect.stringMatching(message) });
    expect(finished(events)).toEqual([0]);
  });

  it('is told after the runs that had finished before', async () => {
    // The device goes when some runs have been scored, before anyone hears of it; no other run comes.
    const scored = onceScored(end);
    async function* all() {
      for (let k = 0; k < 8; k++) yield runNumber(k, { testSet: runs[0].testSet });
      await new Promise(() => {});
    }
    const { error, events } = await lossIn({ runs: all(), maxSteps: 5 });
    expect(error.code).toBe('device-lost');
    expect(scored.count).toBeGreaterThan(0);
    expect(finished(events)).toHaveLength(scored.count);
  });

  it('after the end of the training is nobody’s concern', async () => {
    const training = trainLockstep(device, { ...shape, maxSteps: 5, runs });
    const events: LockstepEvent[] = [];
    for await (const event of training) events.push(event);
    end();
    expect(finished(events)).toEqual([0, 1]);
    expect(await training.next()).toEqual({ done: true, value: undefined });
  });

  it('is told by tensors, at once and later', async () => {
    const a = tensor([1, 2, 3], { device });
    end();
    await expect(a.data()).rejects.toMatchObject({
      code: 'device-lost',
      message: expect.stringMatching(message),
    });
    expect(() => add(a, 1)).toThrow(message);
    await expect(a.item()).rejects.toThrow();
    await expect(device.sync()).rejects.toMatchObject({ code: 'device-lost' });
    expect(() => defaultDevice()).toThrow(/^The device was (lost|destroyed).*No other is open/);
    expect(() => tensor([1])).toThrow(expect.objectContaining({ code: 'device-lost' }));
    const next = await openDevice();
    expect(defaultDevice()).toBe(next); // not the one that is gone
    next.destroy();
  });

  it('is told by a read under way', async () => {
    const a = tensor([1, 2, 3], { device });
    const read = a.data();
    const sync = device.sync().catch((error) => expect(error).toMatchObject({ code: 'device-lost' }));
    end();
    await expect(read).rejects.toMatchObject({
      code: 'device-lost',
      message: expect.stringMatching(message),
    });
    await sync;
  });
});

describe('a training that the caller leaves', () => {
  const use = () => {
    const { buffers, bytes } = device.memory();
    return { buffers, bytes };
  };
  const until = async (type: LockstepEvent['type'], options: Partial<LockstepOptions>, leave: () => void) => {
    const training = trainLockstep(device, { ...shape, maxSteps: 1e6, runs, recover: false, ...options });
    for await (const event of training) {
      if (event.type !== type) continue;
      expect(use().buffers).toBeGreaterThan(0);
      leave();
      break;
    }
  };

  it.each<[LockstepEvent['type'], Partial<LockstepOptions>]>([
    ['plan', {}],
    ['progress', {}],
    ['window', {}],
    ['checkpoint', { checkpointSeconds: 1e-6 }],
    ['finish', { maxSteps: 5, runs: Array.from({ length: 6 }, (_, k) => runNumber(k)) }],
  ])('at a %s event, by break or by an error of its own, leaves nothing', async (type, options) => {
    const own = new Error('enough');
    // Reads keep some staging for reuse: two of each of the three sizes of a checkpoint.
    const kept = { buffers: 6 + PARAMS.buffers, bytes: 16384 + PARAMS.bytes };
    const expectNothing = async () => {
      await device.sync();
      expect(use().buffers).toBeLessThanOrEqual(kept.buffers);
      expect(use().bytes).toBeLessThanOrEqual(kept.bytes);
    };
    await until(type, options, () => {});
    await expectNothing();
    const left = until(type, options, () => {
      throw own;
    });
    await expect(left).rejects.toBe(own);
    await expectNothing();
  });

  it('takes its listener from the signal, and a signal that has fired starts nothing', async () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    await until('window', { signal: controller.signal }, () => {});
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
    controller.abort();
    const before = use();
    for await (const event of trainLockstep(device, {
      ...shape,
      maxSteps: 5,
      runs,
      signal: controller.signal,
    })) {
      throw new Error(`got ${event.type}`);
    }
    expect(use()).toEqual(before);
  });

  it('gets what its runs throw after the runs that had finished', async () => {
    const own = new TypeError('no more data');
    const scored = new Promise<void>((resolve) => onceScored(resolve));
    async function* failing() {
      yield runs[0];
      await scored;
      throw own;
    }
    const events: LockstepEvent[] = [];
    const all = (async () => {
      const options = { ...shape, maxSteps: 5, runs: failing() };
      for await (const event of trainLockstep(device, options)) events.push(event);
    })();
    await expect(all).rejects.toBe(own);
    expect(finished(events)).toEqual([0]);
  });
});
