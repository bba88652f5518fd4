// No launch needs more workgroups than a device takes in a dimension, whatever the sizes: all kernels are launched on a GPU that
// is not there, from one element to billions. The numbers at sizes just over a bound are tested where they fit memory.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { runningSum } from '../../src/kernels/tensor/cumsum.js';
import { cast, copyDense } from '../../src/kernels/tensor/elementwise.js';
import { fusedForward, fusedGradients, fusedInputGradient } from '../../src/kernels/tensor/fused-mlp.js';
import { gather, indexAdd, indexSelect } from '../../src/kernels/tensor/index-select.js';
import { matmul } from '../../src/kernels/tensor/matmul.js';
import { adamStep } from '../../src/kernels/tensor/optimizer.js';
import { reduce } from '../../src/kernels/tensor/reduce.js';
import { softmax } from '../../src/kernels/tensor/softmax.js';
import { portableVariant } from '../../src/kernels/train/portable.js';
import { stretchesOf } from '../../src/kernels/train/scoring.js';
import { batchedVariant } from '../../src/kernels/train/tiles-batched.js';
import { persistentVariant } from '../../src/kernels/train/tiles-persistent.js';
import type { ChunkBuffers, DataBank, KernelShape } from '../../src/kernels/train/training-kernel.js';
import { Tensor } from '../../src/tensor/tensor.js';
import fc from '../properties.js';
import { type Dispatched, standInDevice } from './stand-in-gpu.js';

const MOST = 65_535;

let device: Device;
let dispatched: Dispatched[];
beforeEach(() => {
  ({ device, dispatched } = standInDevice());
});

const f32 = (...shape: number[]) => Tensor.empty(device, shape, 'f32');
const i32 = (...shape: number[]) => Tensor.empty(device, shape, 'i32');

/** The recorder refuses a grid that is too large; what is recorded is within it. */
function expectLaunches(what: () => unknown): void {
  const before = dispatched.length;
  what();
  device.commands.flush();
  expect(dispatched.length).toBeGreaterThan(before);
  for (const [label, ...grid] of dispatched.slice(before))
    expect(Math.max(...grid), `${label}: ${grid.join(' x ')}`).toBeLessThanOrEqual(MOST);
}

/** Elements: around the most that one dimension of workgroups of 64 takes, and up to what 32 bits count. */
const SIZES = [1, 1000, 64 * MOST, 64 * MOST + 1, 2 ** 28, 2 ** 31 + 7];

describe.each(SIZES)('%i elements', (n) => {
  it('elementwise, running sums, sums, softmax', () => {
    expectLaunches(() => copyDense(f32(n)));
    expectLaunches(() => cast(f32(n), 'i32'));
    expectLaunches(() => runningSum(f32(n, 1), 1, false));
    for (const shape of [[n], [1, n], [n, 1]]) {
      for (const kind of ['sum', 'max'] as const)
        expectLaunches(() => reduce(kind, f32(...shape), [shape.length - 1], false));
      expectLaunches(() => softmax(f32(...shape), false));
    }
  });

  it('picked by an index, added by an index', () => {
    expectLaunches(() => indexSelect(f32(10, 1), 0, i32(n)));
    expectLaunches(() => gather(f32(10, 2), 0, i32(n, 2)));
    expectLaunches(() => indexAdd(f32(3, 1), 0, i32(3), [n, 1]));
  });

  it('optimizer steps of many parameters', () => {
    const updates = Array.from({ length: 20 }, () => ({
      ...{ parameter: f32(n), gradient: f32(n), expAvg: f32(n), expAvgSq: f32(n) },
      ...{ lr: 0.1, betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0, step: 1 },
    }));
    expectLaunches(() => adamStep(updates, { decoupled: true }));
  });

  it('products of matrices: rows, columns, batches', () => {
    expectLaunches(() => matmul(f32(n, 3), f32(3, 1)));
    expectLaunches(() => matmul(f32(1, 3), f32(3, n)));
    expectLaunches(() => matmul(f32(n, 2, 2), f32(n, 2, 2)));
    for (const variant of [1, 4, 8] as const)
      expectLaunches(() => matmul(f32(n, 3), f32(3, 2), undefined, variant));
  });

  it('the fused network: samples, units, features', () => {
    for (const [batch, hidden, features] of [
      [n, 5, 3],
      [5, n, 3],
      [5, 3, n],
    ]) {
      const inputs = {
        ...{ x: f32(batch, features), w1: f32(hidden, features), b1: f32(hidden) },
        ...{ w2: f32(1, hidden), b2: f32(1) },
      };
      expectLaunches(() => {
        const { active, dz } = fusedForward(inputs, f32(batch));
        fusedGradients(inputs, active, dz!);
        fusedInputGradient(inputs, active, dz!);
      });
    }
  });
});

describe('training', () => {
  /** Few weights or many: 4,194,240 are the most that a dimension of workgroups of 64 takes. The batch up to 200,000. */
  const shapes = fc.record({
    features: fc.nat({ max: 2100 }).map((n) => n + 1),
    hidden: fc.nat({ max: 2100 }).map((n) => n + 1),
    batch: fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 200_000 })).map((n) => n + 1),
  });
  const buffer = () => device.allocate('shared', 4, 128);

  async function launched(variant: typeof batchedVariant, shape: KernelShape): Promise<void> {
    const steps = variant.name === 'tiles-persistent' ? MOST : 2;
    const buffers: ChunkBuffers = {
      ...{ slots: 4096, capacity: 4096 },
      ...{
        positions: buffer(),
        hypers: buffer(),
        steps: buffer(),
        order: buffer(),
        paused: buffer(),
        sums: buffer(),
      },
    };
    const bank: DataBank = { rows: buffer(), labels: buffer(), sources: buffer() };
    const kernel = await variant.create(device, shape, buffers);
    expectLaunches(() => {
      const recorder = device.commands.record('chunk');
      const chunk = { positions: 4096, steps, runSteps: 4096, banks: [{ bank, entries: 4096 }] };
      kernel.encode(recorder, chunk);
      recorder.submit();
    });
  }

  it.each([batchedVariant, persistentVariant, portableVariant])(
    '$name launches what it does not refuse',
    async (variant) => {
      await fc.assert(
        fc.asyncProperty(shapes, async (shape) => {
          fc.pre(variant.refusal(device, shape) === undefined);
          await launched(variant, shape);
        }),
        { numRuns: 10 },
      );
    },
  );

  it('launches what just exceeds a dimension', async () => {
    for (const variant of [batchedVariant, portableVariant])
      await launched(variant, { features: 2049, hidden: 2048, batch: 3 });
  });

  it('refuses before any work what would need too many workgroups', () => {
    const large = { features: 1, hidden: 1, batch: 70_000 };
    expect(portableVariant.refusal(device, large)).toMatch(/70000 samples, this device takes 65535/);
    const wide = { features: 50_000, hidden: 100_000, batch: 1 };
    expect(batchedVariant.refusal(device, wide)).toMatch(/tiles, this device takes 65535/);
  });
});

describe('scoring', () => {
  it.each([64, 2048])('stretches of workgroups of %i examples hold each example once', (examplesPerGroup) => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat({ max: 10_000 }), fc.nat({ max: 2 ** 31 })).map((n) => n + 1),
        fc.nat({ max: 1e9 }).map((n) => n + 1),
        fc.boolean(),
        (examples, products, isCpu) => {
          fc.pre(isCpu || examples * products < 2 ** 44);
          const on = { limits: device.limits, info: { ...device.info, isCpu } };
          const stretches = stretchesOf(on, examples, examplesPerGroup, products);
          expect(stretches[0].first).toBe(0);
          expect(stretches.at(-1)!.end).toBe(examples);
          stretches.forEach(({ first, end, groups }, k) => {
            if (k > 0) expect(first).toBe(stretches[k - 1].end);
            expect(groups).toBe(Math.ceil((end - first) / examplesPerGroup));
            expect(groups).toBeLessThanOrEqual(Math.min(MOST, stretches[0].groups));
            if (!isCpu && groups > 1)
              expect(groups * examplesPerGroup * products).toBeLessThanOrEqual(2 ** 32);
          });
        },
      ),
    );
  });
});
