// Batches that are cut into parts and datasets that are cut over buffers, as a device with small bindings asks for it: the same
// bits as uncut. What cannot be cut to fit is refused.
import '../../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import type { NetworkRun } from '../../../src/lockstep/network/types.js';
import * as samplers from '../../../src/network/samplers.js';
import { Generator } from '../../../src/random/generator.js';
import { BitMatrix } from '../../../src/tensor/bits.js';
import { withLimits } from '../limits.js';
import { useForm } from './forms.js';
import { bitsOf, networkOutcomes } from './outcomes.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

const EXAMPLES = 777;
const INPUTS = 37;
const generator = new Generator(11);
const x = new Float32Array(EXAMPLES * INPUTS);
generator.uniform(x, -1, 1);
const bits = BitMatrix.random(EXAMPLES, INPUTS, generator);
const classes = Array.from({ length: EXAMPLES }, (_, k) => (k * k) % 5);
const numbers = Array.from({ length: EXAMPLES }, (_, k) => Math.sin(k));
const groups = Array.from({ length: EXAMPLES }, (_, k) => k % 3);
const parity = samplers.parity({ inputs: 8, secret: [0, 3], signs: true });

const options = { logInterval: 1, maxSteps: 4 };
const small: NetworkRun = {
  network: { inputs: INPUTS, layers: [{ units: 9, activation: 'tanh', bias: false }, { units: 1 }] },
  data: { x, y: numbers },
};

/** What the runs come to where a kernel binds at most `bytes` bytes at once. */
const trained = (runs: readonly NetworkRun[], bytes?: number) =>
  networkOutcomes(bytes === undefined ? device : withLimits(device, { maxStorageBufferBindingSize: bytes }), {
    runs: [...runs],
    ...options,
  });

/** Products of few and of many columns, three optimizers; batches end amid parts, and epochs amid batches. */
const runs: NetworkRun[] = [
  {
    network: { inputs: INPUTS, layers: [{ units: 70, activation: 'gelu' }, { units: 5 }] },
    data: { x, y: classes },
    loss: { type: 'crossEntropy', ignoreIndex: 4 },
    batchSize: 601,
    evaluate: { data: { x, y: classes }, every: 2, groups },
    probes: ['activeUnits'],
  },
  {
    ...small,
    data: { x: bits, y: numbers, signs: true },
    optimizer: { type: 'sgd', lr: 0.1, momentum: 0.9 },
    batchSize: EXAMPLES,
    evaluate: { data: { x, y: numbers } },
    probes: ['gradientNorm'],
  },
];
const fresh: NetworkRun = {
  network: { inputs: 8, layers: [{ units: 30, activation: 'relu' }, { units: 1 }] },
  data: parity,
  loss: 'hinge',
  optimizer: { type: 'signSgd', lr: 1e-3 },
  batchSize: 1001,
  evaluate: { data: parity, examples: 1500 },
};

describe.each([
  { form: 'lanes' as const, given: runs, kind: { cuts: true } },
  { form: 'blocks' as const, given: [...runs, fresh], kind: { cuts: true, sampler: parity.wgsl } },
])('the kernel by $form', ({ form, given, kind }) => {
  it('gives the same bits however batches are cut', async () => {
    useForm(form, kind);
    const whole = await trained(given);
    expect(whole.map(({ plan }) => plan.parts)).toEqual(given.map(() => 1));
    const parts = new Set<string>();
    for (const bytes of [130_000, 210_000, 330_000]) {
      const cut = await trained(given, bytes);
      cut.forEach((run, k) => {
        parts.add(`${k}: ${run.plan.parts}`);
        expect(bitsOf(run), `run ${k}, ${bytes} bytes`).toEqual(bitsOf(whole[k]));
        expect(run.evaluations.map(({ probes }) => probes)).toEqual(
          whole[k].evaluations.map(({ probes }) => probes),
        );
      });
    }
    expect(parts.size).toBeGreaterThan(4);
  });
});

it('gives the same bits where a dataset is cut over several buffers', async () => {
  useForm('blocks', { cuts: true, sampler: parity.wgsl });
  const given = [small, { ...small, evaluate: { data: { x, y: numbers }, groups } }];
  const whole = await trained(given);
  const cut = await trained(given, 50_000);
  expect(cut.map(bitsOf)).toEqual(whole.map(bitsOf));
  // A device keeps the buffers that it read through, which are as large as the chunks.
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(2);
  await trained(given, 50_000);
  const before = device.memory().bytes;
  await trained(given, 50_000);
  expect(device.memory().bytes).toBe(before);
});

it('refuses what does not fit however it is cut, and says what would', async () => {
  const refused = async (run: NetworkRun, limits: Record<string, number>) => {
    const training = networkOutcomes(withLimits(device, limits), { runs: [run], ...options });
    return training.then(
      () => 'trained',
      (error) => `${error.code}: ${error.message}`,
    );
  };
  const [wide] = runs;
  expect(await refused(wide, { maxStorageBufferBindingSize: 120_000 })).toMatch(
    /^unsupported: .*run 0: 37 -> 70 gelu -> 5 takes 127008 bytes with parts of batches of 64, 39648 of them/,
  );
  const few = { maxStorageBufferBindingSize: 50_000, maxStorageBuffersPerShaderStage: 8 };
  expect(await refused(small, few)).toMatch(
    /^unsupported: .*run 0: data takes 118104 bytes; this device binds at most 2 buffers of 50000 .* 657 of its 777 rows\.$/,
  );
  const ignoring = { ...fresh, network: { inputs: 8, layers: [{ units: 2 }] } };
  const classesOf = samplers.parity({ inputs: 8, secret: [0, 3] });
  const loss = { type: 'crossEntropy' as const, ignoreIndex: 1 };
  expect(
    await refused(
      { ...ignoring, data: classesOf, evaluate: undefined, loss },
      { maxStorageBufferBindingSize: 40_000 },
    ),
  ).toMatch(/^unsupported: .*run 0: 8 -> 2 takes \d+ bytes with batches of 1001/);
  const single = { ...fresh, batchSize: 1, evaluate: { data: parity, examples: 1e6 } };
  expect(await refused(single, { maxStorageBufferBindingSize: 31_000 })).toMatch(
    /^unsupported: .*run 0: with batches of 32, evaluate\.data is more batches than this device takes/,
  );
});
