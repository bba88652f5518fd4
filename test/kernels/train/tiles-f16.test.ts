// The training kernel for matrix units, its matrices emulated in plain WGSL, as no driver here has them: the split of numbers into
// three f16 parts, sums of extreme weights and gradients, trainings against the float64 oracle, and the same bits in company.
import '../../quick-to-compile.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { times } from '../../../shaders/shared/lists.js';
import { keepSums, noSums, productParts } from '../../../shaders/train/tiles/products.wgsl.js';
import { openDevice } from '../../../src/adapter/open.js';
import { bindGroup } from '../../../src/gpu/bindings.js';
import { Device } from '../../../src/gpu/device.js';
import { BufferUsage } from '../../../src/gpu/usage.js';
import type { LockstepRun } from '../../../src/lockstep/types.js';
import { Generator } from '../../../src/random/generator.js';
import { BitMatrix, BitVector } from '../../../src/tensor/bits.js';
import {
  bitsOf,
  outcomes,
  randomDataset,
  randomWeights,
  readFixture,
  runOfTrace,
  type Trace,
} from '../../lockstep/outcomes.js';
import { matrixOperations } from './emulated-matrices.js';
import { trainReference } from './reference.js';

vi.mock('../../../shaders/train/tiles/matrices.wgsl.js', () => import('./emulated-matrices.js'));

/** As in oracle.test.ts: a window's loss, relative; weights after some steps, as a root mean square. */
const [LOSS_TOLERANCE, WEIGHTS_TOLERANCE] = [1e-5, 1e-4];

/** As NVIDIA's subgroups: each has two matrices of a product. */
const LANES = 32;

const device = await openDevice({ wantedFeatures: [] });
afterAll(() => device.destroy());

/** The number that a f16 is; subnormal ones, and those that are none, may not be there. */
function numberOf(half: number): number {
  const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 0 && fraction === 0) return 0;
  expect(exponent > 0 && exponent < 31, half.toString(16)).toBe(true);
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

describe('three parts of f16', () => {
  const COUNT = 4096;
  /** The sums of the parts of `numbers`, which have the scale of `largest`, in float64. */
  async function joined(numbers: Float32Array, largest: number): Promise<Float64Array> {
    const code = `${matrixOperations(LANES)}
      struct Shape { vectors: u32 }
      const shape = Shape(2u);
      ${productParts}
      @group(0) @binding(0) var<storage, read> numbers: array<vec4f>;
      @group(0) @binding(1) var<storage, read_write> parts: array<array<vec2u, 4>>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
        let largest = numbers[${COUNT / 4}].x;
        let x = partsOf(scaleFor(largest) * numbers[at.x]);
        parts[at.x] = array(x.a, x.b, x.c, vec2u(bitcast<u32>(unscaleFor(largest))));
      }`;
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const [from, to] = [
      device.allocate('in', 4 * COUNT + 16, usage),
      device.allocate('out', 8 * COUNT, usage),
    ];
    const pipeline = await device.pipeline({ label: 'parts', code });
    device.commands.write(from, 0, Float32Array.of(...numbers, largest));
    const recorder = device.commands.record('parts');
    recorder.dispatch(pipeline, bindGroup(device.gpu, pipeline, [from, to]), [COUNT / 256]);
    recorder.submit();
    const out = await device.read(to, 0, 8 * COUNT);
    const [halves, unscale] = [new Uint16Array(out), new Float32Array(out)[6]];
    for (const buffer of [from, to]) device.free(buffer);
    return Float64Array.from(numbers, (_, i) => {
      const [a, b, c] = [0, 4, 8].map((part) => numberOf(halves[16 * Math.floor(i / 4) + part + (i % 4)]));
      return (2048 * a + b + c / 2048) * unscale; // the factors are those that the bits carry
    });
  }

  it.each([1, 1.999999, 3e38, 1e-30])('of numbers up to %f', async (largest) => {
    const generator = new Generator(5);
    const numbers = new Float32Array(COUNT);
    generator.uniform(numbers, -1, 1);
    // Of every size, down to 2^-63 of the largest.
    for (let i = 0; i < COUNT; i++) numbers[i] *= largest * 2 ** -(i % 64);
    numbers[0] = largest;
    numbers[1] = 0;
    const sums = await joined(numbers, largest);
    const top = 2 ** Math.floor(Math.log2(largest));
    for (const [i, x] of numbers.entries()) {
      const allowed = Math.abs(x) >= 2 ** -26 * top ? 0 : 2 ** -49 * top;
      expect(Math.abs(sums[i] - x), `${x} of ${largest}`).toBeLessThanOrEqual(allowed);
    }
  });
});

it.each([16, 32, 64, 128, 256])(
  'subgroups of %i lanes share all matrices of a product, each has one owner',
  (lanes) => {
    // A statement of keepSums: `if (turn == ownRows + 2u) { keepByRow(4u * (ownColumns + 0u), sums1_0); }`
    const text = noSums(lanes) + keepSums(lanes, 'columns');
    const rows = Number(/ownRows = subgroup % (\d+)u/.exec(text)![1]);
    const places = [
      ...text.matchAll(/turn == ownRows \+ (\d+)u\) \{ keepByRow\(4u \* \(ownColumns \+ (\d+)u\)/g),
    ];
    const owned = times(256 / lanes, (subgroup) =>
      places.map(([, row, column]) => [
        (subgroup % rows) + Number(row),
        Math.floor(subgroup / rows) + Number(column),
      ]),
    ).flat();
    expect(owned.sort()).toEqual(times(16, (k) => [Math.floor(k / 4), k % 4]));
  },
);

describe('the tiles-f16 kernel', () => {
  beforeAll(() => {
    Object.assign(device.info, { subgroupMaxSize: LANES, subgroupMatrices: ['16 x 16 x 16, f16 to f32'] });
    const names = ['shader-f16', 'chromium-experimental-subgroup-matrix'] as readonly string[];
    vi.spyOn(Device.prototype, 'features', 'get').mockReturnValue(new Set(names) as GPUSupportedFeatures);
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  const kernel = 'tiles-f16';
  function runOf(features: number, hidden: number, rows: number, seed: number): LockstepRun {
    return {
      weights: randomWeights(features, hidden, seed),
      dataset: randomDataset(rows, features, seed + 1),
      testSet: randomDataset(100, features, seed + 2),
      orderSeed: seed + 3,
      optimizer: { lr: 0.01, weightDecay: 0.1, betas: [0.9, 0.99] },
    };
  }

  it.each([
    ['one feature, one unit, batches of one', 1, 1, 1, 5],
    ['several stages and tiles of units, odd sizes', 35, 98, 100, 230],
    ['two tiles of features, batches above what a workgroup has', 70, 40, 260, 530],
  ])('%s', async (_, features, hidden, batchSize, rows) => {
    const run = runOf(features, hidden, rows, 17);
    const options = { features, hidden, batchSize, maxSteps: 4, logInterval: 1 };
    const expected = trainReference(run, options);
    const { runs, plans } = await outcomes(device, { ...options, runs: [run], kernel, keepWeights: true });
    expect(plans[0]).toMatchObject({
      kernel,
      note: expect.stringMatching(/^no GPU has run this kernel yet/),
    });
    const { windows, finish } = runs[0];
    for (const [i, { loss, accuracy }] of expected.windows.entries()) {
      expect(Math.abs(windows[i].loss - loss) / loss).toBeLessThanOrEqual(LOSS_TOLERANCE);
      expect(windows[i].accuracy).toBeCloseTo(accuracy, 12);
    }
    for (const name of ['w1', 'b1', 'w2', 'b2'] as const) {
      const errors = expected.weights[name].map((w, i) => finish!.weights![name][i] - w);
      expect(Math.hypot(...errors) / Math.sqrt(errors.length), name).toBeLessThanOrEqual(WEIGHTS_TOLERANCE);
    }
  });

  it("follows PyTorch's trace", async () => {
    const trace = readFixture<Trace>('trace.multi-epoch.n32');
    const options = { features: 32, maxSteps: 10, logInterval: 1, kernel } as const;
    const { runs } = await outcomes(device, { ...options, runs: [runOfTrace(trace, 32)] });
    for (const [i, { loss, accuracy }] of runs[0].windows.entries()) {
      const [expected, right] = trace.steps[i];
      expect(Math.abs(loss - expected) / expected, `step ${i + 1}`).toBeLessThanOrEqual(LOSS_TOLERANCE);
      expect(Math.fround(accuracy)).toBe(right);
    }
  });

  it('gives the same bits alone and among others', async () => {
    const options = {
      features: 20,
      hidden: 70,
      batchSize: 30,
      maxSteps: 7,
      logInterval: 3,
      keepWeights: true,
    };
    const list = [1, 2, 3].map((seed) => runOf(20, 70, 100, 10 * seed));
    const together = await outcomes(device, { ...options, runs: list, kernel });
    const alone = await outcomes(device, { ...options, runs: [list[1]], kernel });
    expect(bitsOf(together.runs[1])).toEqual(bitsOf(alone.runs[0]));
  });

  /** One step on all rows, which hold bit i in row i, from given weights. */
  async function firstStep(
    rows: readonly (readonly number[])[],
    labels: readonly number[],
    weights: LockstepRun['weights'],
    lr: number,
  ) {
    const features = rows[0].length;
    const x = new BitMatrix(rows.length, features);
    const y = new BitVector(rows.length);
    rows.forEach((row, r) => {
      row.forEach((bit, i) => {
        if (bit === 1) x.set(r, i, 1);
      });
      y.set(r, labels[r] as 0 | 1);
    });
    // With eps this large a first step is lr / eps times the gradient.
    const run = {
      weights,
      dataset: { x, y },
      orderSeed: 1,
      optimizer: { lr, eps: 1e10, weightDecay: 0, betas: [0, 0] as const },
    };
    const options = {
      features,
      hidden: weights.b1.length,
      batchSize: rows.length,
      maxSteps: 1,
      logInterval: 1,
    };
    const expected = trainReference(run as never, options);
    const { runs } = await outcomes(device, { ...options, runs: [run], kernel, keepWeights: true });
    return { expected, is: runs[0] };
  }

  it.each([2 ** -90, 2 ** -30, 1, 2 ** 30, 2 ** 90])(
    'sums weights of size %f beside one 2^26 times as large',
    async (size) => {
      // The large one is on a feature of the last row, whose label it fits: that row has no loss.
      const w1 = Float32Array.of(0.7, 0.1, 0.013, 2 ** 26, 0.3, 0.2, 0.9, 1.1).map((w) => w * size);
      const w2 = Float32Array.of(1 / size, 1 / size);
      const weights = { w1, b1: new Float32Array(2), w2, b2: new Float32Array(1) };
      for (const row of [
        [1, 0, 0, 0],
        [0, 1, 1, 0],
        [1, 1, 1, 0],
      ]) {
        const { expected, is } = await firstStep([row, [1, 1, 1, 1]], [0, 1], weights, 1);
        const { loss } = expected.windows[0];
        expect(Math.abs(is.windows[0].loss - loss) / loss).toBeLessThanOrEqual(1e-6);
      }
    },
  );

  it('sums gradients 5e8 times as small as the largest', async () => {
    // All samples have z2 = -20: with label 0 the gradient is 2e-9, with label 1 it is -1.
    const rows = [
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 1],
    ];
    const weights = {
      w1: new Float32Array(6),
      b1: Float32Array.of(1, 2),
      w2: Float32Array.of(-4, -8),
      b2: new Float32Array(1),
    };
    const { expected, is } = await firstStep(rows, [0, 0, 1], weights, 1e10);
    expected.weights.w1.forEach((w, i) => {
      expect(Math.abs(is.finish!.weights!.w1[i] - w) / Math.abs(w), `weight ${i}`).toBeLessThanOrEqual(1e-5);
    });
  });
});
