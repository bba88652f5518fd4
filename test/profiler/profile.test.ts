// Profiles on the device: what is recorded, that it is true to what was done, and that without one nothing is added.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { relu } from '../../src/autograd/ops/elementwise.js';
import { matmul } from '../../src/autograd/ops/matmul.js';
import type { Device } from '../../src/gpu/device.js';
import { Staging } from '../../src/gpu/staging.js';
import { BufferUsage } from '../../src/gpu/usage.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { LockstepRun, MlpWeights } from '../../src/lockstep/types.js';
import { linearParameters } from '../../src/nn/host-init.js';
import { chromeTrace } from '../../src/profiler/chrome-trace.js';
import { accountsOf, kernelTotals, type Profile } from '../../src/profiler/profile.js';
import { QUERIES_TAKEN, QueryBlocks } from '../../src/profiler/query-blocks.js';
import { takeProfile } from '../../src/profiler/take-profile.js';
import { Generator } from '../../src/random/generator.js';
import { BitMatrix } from '../../src/tensor/bits.js';
import { tensor } from '../../src/tensor/create.js';
import { parity } from '../../src/tensor/parity.js';

/** What the issue asks for: device, host and idle time together are the wall time, within 15%. */
const EXPLAINED_WITHIN = 0.15;

const noTimestamps = { wantedFeatures: ['subgroups'] } as const;
let device: Device;
beforeAll(async () => {
  device = await openDevice({ toggles: ['!timestamp_quantization'] });
});
afterAll(() => device.destroy());

function runs(count: number): LockstepRun[] {
  const generator = new Generator(1);
  const x = BitMatrix.random(600, 8, generator);
  const dataset = { x, y: parity(x, [0, 1]) };
  return Array.from({ length: count }, (_, k) => {
    const [first, second] = [linearParameters(8, 128, generator), linearParameters(128, 1, generator)];
    const weights = {
      w1: first.weight.data,
      b1: first.bias.data,
      w2: second.weight.data,
      b2: second.bias.data,
    };
    const optimizer = { lr: 1e-2, weightDecay: 0, betas: [0.9, 0.999] } as const;
    return { weights, dataset, testSet: dataset, orderSeed: k, optimizer };
  });
}

async function train(on: Device, maxSteps: number, prepared = runs(3)): Promise<MlpWeights[]> {
  const trained: MlpWeights[] = [];
  const options = { runs: prepared, features: 8, hidden: 128, maxSteps };
  for await (const event of trainLockstep(on, options)) {
    if (event.type === 'finish') trained[event.run] = await event.weights();
  }
  return trained;
}

async function product(on: Device): Promise<ArrayLike<number>> {
  const a = tensor(
    [
      [1, -2],
      [3, 4],
      [5, 6],
    ],
    { device: on },
  );
  const b = tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    { device: on },
  );
  return relu(matmul(a, b)).data();
}

describe('without a profile', () => {
  it('passes are shared, and there is neither a query set nor a timestamp', async () => {
    const { gpu } = device;
    let sets = 0;
    const passes: (GPUComputePassDescriptor | undefined)[] = [];
    const [create, createSet] = [gpu.createCommandEncoder, gpu.createQuerySet];
    gpu.createQuerySet = (descriptor) => {
      sets++;
      return createSet.call(gpu, descriptor);
    };
    gpu.createCommandEncoder = (descriptor) => {
      const encoder = create.call(gpu, descriptor);
      const begin = encoder.beginComputePass;
      encoder.beginComputePass = (pass) => {
        passes.push(pass);
        return begin.call(encoder, pass);
      };
      return encoder;
    };
    try {
      await product(device);
      expect(passes).toEqual([undefined]); // two kernels, one pass
      await takeProfile(device, () => product(device));
      expect(passes.filter((pass) => pass?.timestampWrites).length).toBeGreaterThanOrEqual(2);
      const [before, created] = [passes.length, sets];
      await product(device);
      expect(passes.slice(before)).toEqual([undefined]);
      expect(sets).toBe(created);
    } finally {
      Reflect.deleteProperty(gpu, 'createCommandEncoder');
      Reflect.deleteProperty(gpu, 'createQuerySet');
    }
  });

  it('an error ends it, and the device goes on without it', async () => {
    const failing = takeProfile(device, () => {
      throw new Error('mine');
    });
    await expect(failing).rejects.toThrow('mine');
    expect(await product(device)).toEqual(Float32Array.of(0, 0, 0, 19, 26, 33, 29, 40, 51));
    expect((await takeProfile(device, () => product(device))).kernels).toHaveLength(2);
  });
});

describe.each([
  ['device', undefined],
  ['host', noTimestamps],
] as const)("timed by the %s's clock", (clock, options) => {
  let on: Device;
  beforeAll(async () => {
    on = options ? await openDevice(options) : device;
  });
  afterAll(() => {
    if (on !== device) on.destroy();
  });

  it('every launch is there, in order, after its submit and within the profile', async () => {
    await product(on);
    const profile = await takeProfile(on, () => product(on));
    expect(profile.result).toEqual(Float32Array.of(0, 0, 0, 19, 26, 33, 29, 40, 51));
    expect(profile.timing.clock).toBe(clock);
    expect(profile.kernels.map(({ kernel }) => kernel)).toEqual(['matmul', 'relu']);
    const [first, second] = profile.kernels;
    const slack = profile.timing.anchorUs / 1000;
    expect(first.start).toBeGreaterThanOrEqual(first.submitted - slack);
    expect(first.end).toBeGreaterThan(first.start);
    // Beginnings are moved to the host's clock, whose rate is known as well as the anchors are; a length is the device's own.
    expect(second.start).toBeGreaterThanOrEqual(first.end - slack - 1e-6);
    expect(second.end).toBeLessThanOrEqual(profile.wall + slack);
    expect(first).toMatchObject({ grid: [1, 1, 1], shapes: 'f32[3, 2] f32[2, 3] f32[3, 3]' });
    expect(first.variant).toContain('perThread = 1');
    // 9 results of 2 products and sums; 6 + 6 numbers read and 9 written; relu: a comparison each
    expect(first).toMatchObject({ flops: 9 * 4, bytes: 4 * (6 + 6 + 9) });
    expect(second).toMatchObject({ flops: 9, bytes: 4 * (9 + 9) });
  });

  it('training gives the same bits, and its kernels say what they do', async () => {
    const plain = await train(on, 20);
    const profile = await takeProfile(on, () => train(on, 20));
    expect(profile.result).toEqual(plain);
    const totals = kernelTotals(profile);
    const names = totals.map(({ kernel }) => kernel);
    expect(names).toContain('close-window');
    expect(names.some((name) => /train|forward|hidden/.test(name))).toBe(true);
    for (const { bytes, flops } of totals) {
      expect(bytes).toBeGreaterThan(0);
      expect(flops).toBeGreaterThanOrEqual(0);
    }
    expect(totals.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 10);
  });

  it('no method of WebGPU is another one meanwhile', async () => {
    const buffer = on.allocate('any', 4, BufferUsage.COPY_DST);
    const objects = [on.gpu, on.gpu.queue, buffer, on.gpu.createCommandEncoder()];
    const methods = () =>
      [...objects, ...objects.map((object) => Object.getPrototypeOf(object) as object)].map((object) =>
        Object.entries(Object.getOwnPropertyDescriptors(object)).map(([name, { value }]) => [name, value]),
      );
    const before = methods();
    expect(before.flat().length).toBeGreaterThan(20);
    await takeProfile(on, async () => {
      await product(on);
      expect(methods()).toEqual(before);
    });
    on.free(buffer);
  });

  it('launches, writes and the end of buffers keep their order', async () => {
    const { STORAGE, COPY_SRC, COPY_DST } = BufferUsage;
    const [from, to] = ['from', 'to'].map((label) => on.allocate(label, 4, STORAGE | COPY_SRC | COPY_DST));
    const code = `
      @group(0) @binding(1) var<storage, read> source: array<u32>;
      @group(0) @binding(2) var<storage, read_write> sum: array<u32>;
      @compute @workgroup_size(1) fn main() { sum[0] = 10u * sum[0] + source[0]; }`;
    const pipeline = await on.pipeline({ label: 'append', code });
    const append = () =>
      on.commands.dispatch({ pipeline, bindings: [{ buffer: from }, { buffer: to }], grid: [1] });
    const digit = Uint32Array.of(0);
    const { result, kernels } = await takeProfile(on, async () => {
      for (let k = 1; k <= 5; k++) {
        digit[0] = k; // the same memory each time
        on.commands.write(from, 0, digit);
        append();
      }
      on.commands.copy(to, 0, from, 0, 4);
      append();
      on.free(from);
      return new Uint32Array(await on.read(to, 0, 4))[0];
    });
    expect(result).toBe(123450 + 12345);
    expect(kernels).toHaveLength(6);
    on.free(to);
  });

  it('what is freed while it is waited for is not waited for', async () => {
    const staging = new Staging(on, 'mine');
    const buffer = on.allocate('any', 4, BufferUsage.COPY_SRC);
    await takeProfile(on, async () => {
      await product(on);
      const staged = staging.take(4);
      const recorder = on.commands.record('mine');
      recorder.copy(buffer, 0, staged.buffer, 0, 4);
      recorder.submit();
      const wait = staged.wait();
      staging.destroy();
      await expect(wait).rejects.toThrow('"mine"');
    });
    on.free(buffer);
  });

  it('a device that is destroyed meanwhile is gone for the program, and still measured', async () => {
    const own = await openDevice(options);
    const { result, kernels } = await takeProfile(own, async () => {
      const product12 = await product(own);
      own.destroy();
      expect(() => own.check()).toThrow('destroyed');
      expect((await own.lost).reason).toBe('destroyed');
      return product12;
    });
    expect(result).toHaveLength(9);
    expect(kernels.map(({ kernel }) => kernel)).toEqual(['matmul', 'relu']);
    expect((await own.gpu.lost).reason).toBe('destroyed'); // let go at the end
  });

  it('uploads, reads and waits are among the host`s spans', async () => {
    const { host, uploaded } = await takeProfile(on, () => product(on));
    const kinds = new Set(host.map(({ kind }) => kind));
    for (const kind of ['upload', 'encode', 'submit', 'wait', 'read-back'] as const)
      expect(kinds).toContain(kind);
    expect(uploaded).toBeGreaterThanOrEqual(4 * 12); // the two matrices, and the kernels' params
  });
});

it('device, host and idle time come to the wall time', async () => {
  const prepared = runs(32); // outside: the profile would not know what it is
  await train(device, 300, prepared);
  const profile = await takeProfile(device, () => train(device, 300, prepared));
  const { wall, kernels, idle, unexplained, host } = accountsOf(profile);
  expect(Math.abs(unexplained) / wall).toBeLessThan(EXPLAINED_WITHIN);
  expect(kernels).toBeGreaterThan(0);
  expect(idle).toBeGreaterThanOrEqual(0);
  expect(kernels + idle + unexplained + Object.values(host).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(
    wall,
    6,
  );
});

it('the trace has the kernels on the device`s track and each track`s spans within one another', async () => {
  const profile = await takeProfile(device, async ({ span }) => span('mine', () => product(device)));
  const { traceEvents } = JSON.parse(JSON.stringify(chromeTrace(profile))) as ReturnType<typeof chromeTrace>;
  const spans = traceEvents.filter(({ ph }) => ph === 'X');
  expect(spans).toHaveLength(profile.kernels.length + profile.host.length);
  expect(spans.filter(({ cat }) => cat === 'kernel').map(({ name }) => name)).toEqual(['matmul', 'relu']);
  expect(spans.find(({ cat }) => cat === 'kernel')?.args).toMatchObject({
    shapes: 'f32[3, 2] f32[2, 3] f32[3, 3]',
  });
  expect(spans.some(({ name, cat }) => name === 'mine' && cat === 'code')).toBe(true);
  const named = new Set(
    traceEvents.filter(({ name }) => name === 'thread_name').map(({ pid, tid }) => `${pid}/${tid}`),
  );
  for (const { pid, tid, ts, dur } of spans) {
    expect(named).toContain(`${pid}/${tid}`);
    expect(dur).toBeGreaterThanOrEqual(0);
    for (const other of spans) {
      if (other.pid !== pid || other.tid !== tid || other.ts! < ts! || other.ts! >= ts! + dur!) continue;
      expect(other.ts! + other.dur!).toBeLessThanOrEqual(ts! + dur! + 1e-6);
    }
  }
});

it('one profile at a time', async () => {
  const inner = takeProfile(device, () => takeProfile(device, () => {}));
  await expect(inner).rejects.toThrow('profiled already');
  expect(((await takeProfile(device, () => 7)) as Profile<number>).result).toBe(7);
});

it('more launches than a query set holds', async () => {
  const launches = 2100; // two queries each, 4096 a set
  const code =
    '@group(0) @binding(1) var<storage, read_write> x: array<u32>; @compute @workgroup_size(1) fn main() { x[0] += 1u; }';
  const pipeline = await device.pipeline({ label: 'count', code });
  const counter = device.allocate('counter', 4, 0x80 | 4 | 8);
  const profile = await takeProfile(device, async () => {
    for (let k = 0; k < launches; k++) {
      device.commands.dispatch({ pipeline, bindings: [{ buffer: counter }], grid: [1] });
    }
    return new Uint32Array(await device.read(counter, 0, 4))[0];
  });
  device.free(counter);
  expect(profile.result).toBe(launches);
  expect(profile.kernels).toHaveLength(launches);
  const starts = profile.kernels.map(({ start }) => start);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(profile.kernels.filter(({ start, end }) => end > start).length + profile.timing.zero).toBe(launches);
  // Nobody has said what this kernel does.
  expect(kernelTotals(profile)).toMatchObject([{ calls: launches, bytes: undefined, flops: undefined }]);
});

it('full blocks of queries are read and used again', async () => {
  const { gpu } = device;
  const blocks = new QueryBlocks(device, 0);
  const taken = new Set<GPUQuerySet>();
  const values: bigint[] = [];
  const rounds = 6 * (4096 / QUERIES_TAKEN);
  for (let k = 0; k < rounds; k++) {
    const { block, first } = blocks.take();
    taken.add(block.set);
    const encoder = gpu.createCommandEncoder();
    const timestampWrites = {
      querySet: block.set,
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    };
    encoder.beginComputePass({ timestampWrites }).end();
    blocks.resolve(encoder, block, first, 2);
    gpu.queue.submit([encoder.finish()]);
    block.readers.push((read) => values.push(read[first], read[first + 1]));
    blocks.submitted(block);
    if (k % 128 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await blocks.finish();
  expect(values).toHaveLength(2 * rounds);
  expect(values.every((value) => value > 0n)).toBe(true);
  expect(taken.size).toBeLessThan(6);
  blocks.destroy();
});

it('pipelines are kept with code, options and compile time; a compile error shows all but the last', async () => {
  const pipelines = device.pipelines.filter(({ label }) => label === 'matmul');
  expect(pipelines).toMatchObject([{ options: { perThread: 1, batchRank: 0, bias: false } }]);
  expect(pipelines[0].code).toContain('fn main(');
  expect(pipelines[0].ms).toBeGreaterThan(0);
  const code = '@compute @workgroup_size(1)\nfn main() {\n  let x = missing;\n}';
  const failing = device.pipeline({ label: 'mine', code, options: { tile: 4 } });
  await expect(failing).rejects.toThrow(
    /"mine", made for tile = 4, did not[\s\S]*3 \| {3}let x = missing;\n +\| +\^/,
  );
});
