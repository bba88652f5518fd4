// Batches that are cut into parts and datasets that are cut over buffers, as a device with WebGPU's default limits and small
// bindings asks for it: the same bits as uncut. What cannot be cut to fit is refused before it begins.
import '../../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import type { NetworkRun } from '../../../src/lockstep/network/types.js';
import * as samplers from '../../../src/network/samplers.js';
import { LockstepError } from '../../../src/platform/errors.js';
import { Generator } from '../../../src/random/generator.js';
import { BitMatrix } from '../../../src/tensor/bits.js';
import fc from '../../properties.js';
import { withLimits } from '../limits.js';
import { useForm } from './forms.js';
import { bitsOf, networkOutcomes } from './outcomes.js';
import { anyCase, materialize } from './random-networks.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
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

const options = { logInterval: 1, maxSteps: 3 };
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

/** Half of the examples are of a class that does not count, and which ones only the device knows. */
const ignoring: NetworkRun = {
  ...fresh,
  network: { inputs: 8, layers: [{ units: 30, activation: 'relu' }, { units: 2 }] },
  loss: { type: 'crossEntropy', ignoreIndex: 1 },
  probes: ['gradientNorm', 'activeUnits'],
};

describe.each([
  { form: 'lanes' as const, given: runs, kind: { cuts: true } },
  { form: 'blocks' as const, given: [...runs, fresh, ignoring], kind: { cuts: true, sampler: parity.wgsl } },
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
        for (const events of ['windows', 'evaluations'] as const)
          expect(run[events].map(({ probes }) => probes)).toEqual(
            whole[k][events].map(({ probes }) => probes),
          );
      });
    }
    expect(parts.size).toBeGreaterThan(4);
  });
});

it('gives the same bits where a dataset is cut over two buffers, the eighth of a stage and the one before', async () => {
  useForm('blocks', { cuts: true, sampler: parity.wgsl });
  const given = [small, { ...small, evaluate: { data: { x, y: numbers }, groups } }];
  const whole = await trained(given);
  const cut = await trained(given, 60_000);
  expect(cut.map(bitsOf)).toEqual(whole.map(bitsOf));
  // A device keeps the buffers that it read through, which are as large as the chunks.
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(2);
  await trained(given, 60_000);
  const before = device.memory().bytes;
  await trained(given, 60_000);
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
  expect(await refused(small, { maxStorageBufferBindingSize: 50_000 })).toMatch(
    /^unsupported: .*run 0: data takes 118104 bytes; this device binds at most 2 buffers of 50000 .* 657 of its 777 rows\.$/,
  );
  const column = Float32Array.from({ length: 2000 }, (_, k) => Math.sin(k));
  const whole = {
    network: { inputs: 1, layers: [{ units: 1 }] },
    data: { x: column, y: column },
    batchSize: 1900,
  };
  const buffers = { maxStorageBufferBindingSize: 7500, maxStorageBuffersPerShaderStage: 10 };
  expect(await refused(whole, buffers)).toMatch(
    /^unsupported: .*run 0: a batch of 1900 takes 7600 bytes in one table; .* at most 7500 .* Take smaller batches\.$/,
  );
  const single = { ...fresh, batchSize: 1, evaluate: { data: parity, examples: 1e6 } };
  expect(await refused(single, { maxStorageBufferBindingSize: 31_000 })).toMatch(
    /^unsupported: .*run 0: with batches of 32, evaluate\.data takes up to 3375108 bytes in one table; .* fewer examples\.$/,
  );
});

/** The same device as one that binds at most so many bytes: a group that binds more throws. */
async function binding(bytes: number): Promise<Device> {
  const { gpu } = device;
  const smaller = { maxStorageBufferBindingSize: bytes };
  const limits = new Proxy(gpu.limits, {
    get: (target, name) => Reflect.get(smaller, name) ?? Reflect.get(target, name, target),
  });
  const createBindGroup = (group: GPUBindGroupDescriptor) => {
    for (const { binding: number, resource } of group.entries) {
      const { buffer, size = buffer.size } = resource as GPUBufferBinding;
      if (size > bytes)
        throw new Error(`binding ${number}, "${buffer.label}", has ${size} bytes of ${bytes}`);
    }
    return gpu.createBindGroup(group);
  };
  const own = new Proxy(gpu, {
    get(target, name) {
      if (name === 'limits') return limits;
      if (name === 'createBindGroup') return createBindGroup;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return openDevice({ device: own });
}

const own = { name: 'twice', wgsl: 'fn probe(e: Example) -> f32 { return 2.0 * outputOf(e, 0u); }' };
/** Probes whose sums are many, taken of some runs. */
const parities = (inputs: number) =>
  Array.from({ length: 40 }, (_, k) => [...new Set([k % inputs, (3 * k + 1) % inputs])]);

/** A run of any kind: batches of up to 120 of as many examples, of which some are evaluated and probed. Data fits 24,000 bytes. */
const anyRun = fc
  .record({ one: anyCase, times: fc.constantFrom(1, 3), looks: fc.boolean(), probes: fc.boolean() })
  .map(({ one, times, looks, probes }): NetworkRun => {
    const inputs = Math.min(one.network.inputs, 24);
    const layers = one.network.layers
      .slice(-3)
      .map((layer) => ({ ...layer, units: Math.min(layer.units, 20) }));
    const small = { ...one, examples: 2 * one.examples, network: { inputs, layers } };
    const { run } = materialize({ ...small, batchSize: times * one.batchSize });
    const evaluate = looks && { evaluate: { data: run.data!, every: 10 } };
    const probed = probes && {
      probes: ['activeUnits' as const, 'gradientNorm' as const, { parities: parities(inputs) }, own],
    };
    return { ...run, maxSteps: 20, ...evaluate, ...probed };
  });

// Of runs that bind so little three of four are refused, which takes no time.
describe.each([
  [24_000, 40],
  [48_000, 10],
])('where a kernel binds at most %i bytes', (bytes, numRuns) => {
  it('trains networks to the same bits, or says why not', async () => {
    useForm('blocks', { cuts: true, sampler: parity.wgsl });
    const small = await binding(bytes);
    let [trained, refused] = [0, 0];
    const property = async (runs: NetworkRun[], lengths: number[]) => {
      let chunk = 0;
      vi.spyOn(NetworkPacer.prototype, 'steps').mockImplementation(() => lengths[chunk++ % lengths.length]);
      const bits = async (on: Device) =>
        (await networkOutcomes(on, { runs, logInterval: 10 })).map((run) => [
          bitsOf(run),
          // Means over examples are added up part by part.
          [...run.windows, ...run.evaluations].map(({ probes }) => [
            probes?.activeUnits,
            probes?.gradientNorm,
          ]),
        ]);
      try {
        const there = await bits(small);
        expect(there).toEqual(await bits(device));
        trained++;
      } catch (error) {
        if (!(error instanceof LockstepError)) throw error;
        expect(error.message).toMatch(/^trainLockstep: run \d: .* (binds at most|takes in one table)/);
        expect(error.code).toBe('unsupported');
        refused++;
      }
    };
    const runs = fc.array(anyRun, { minLength: 1, maxLength: 3 });
    const lengths = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 });
    await fc.assert(fc.asyncProperty(runs, lengths, property), { numRuns, endOnFailure: true });
    expect(trained, `refused: ${refused}`).toBeGreaterThan(0);
  });
});

it('its tables grow up to what a kernel binds', async () => {
  useForm('blocks', { cuts: true, sampler: parity.wgsl });
  const network = { inputs: 2, layers: [{ units: 1 }] };
  const values = Float32Array.from({ length: 200 }, (_, k) => Math.sin(k));
  const runs = [{ network, data: { x: values, y: values.subarray(100) }, batchSize: 100, maxSteps: 63 }];
  const bits = async (on: Device) => {
    // Orders of 10,000 and of 15,200 bytes.
    vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValueOnce(25).mockReturnValue(38);
    return (await networkOutcomes(on, { runs, logInterval: 63 })).map(bitsOf);
  };
  expect(await bits(await binding(16_000))).toEqual(await bits(device));
});
