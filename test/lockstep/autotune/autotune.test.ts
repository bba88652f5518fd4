// Which kernels are candidates on which adapter, by made-up facts; that the fastest is timed once and remembered; and
// that a damaged cache is as good as none.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import type { AdapterFacts, KernelShape, KernelVariant } from '../../../src/kernels/train/training-kernel.js';
import { candidates, variantNamed } from '../../../src/lockstep/autotune/candidates.js';
import { timeKernel } from '../../../src/lockstep/autotune/time.js';

/** WebGPU's default limits. */
const DEFAULTS = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeWorkgroupsPerDimension: 65535,
};

function adapter(isCpu: boolean, subgroups: [number, number], limits = DEFAULTS): AdapterFacts {
  const [subgroupMinSize, subgroupMaxSize] = subgroups;
  return {
    info: { isCpu, subgroupMinSize, subgroupMaxSize },
    features: { has: (name) => name === 'subgroups' && subgroupMaxSize > 0 },
    limits,
  };
}

const large = {
  ...DEFAULTS,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupStorageSize: 32768,
};
const adapters = {
  NVIDIA: adapter(false, [32, 32], { ...large, maxComputeWorkgroupStorageSize: 49152 }),
  AMD: adapter(false, [32, 64], large),
  Intel: adapter(false, [8, 32], large),
  Apple: adapter(false, [32, 32], large),
  'a browser without subgroups': adapter(false, [0, 0]),
  lavapipe: adapter(true, [8, 8], large),
  SwiftShader: adapter(true, [4, 4]),
  'a CPU driver without subgroups': adapter(true, [0, 0]),
};
const shapes = {
  parity: { features: 64, hidden: 512, batch: 128 },
  odd: { features: 33, hidden: 98, batch: 100 },
  wide: { features: 1024, hidden: 4096, batch: 1024 },
};

describe('candidates', () => {
  const names = (on: keyof typeof adapters, shape: KernelShape, runs: number) =>
    candidates(adapters[on], shape, runs).map(({ name }) => name);

  it.each(['NVIDIA', 'AMD', 'Intel', 'Apple', 'a browser without subgroups'] as const)(
    '%s: the two for GPUs, a workgroup a run first where there are many; tiles over all where one is too much',
    (gpu) => {
      expect(names(gpu, shapes.parity, 100)).toEqual(['tiles-persistent', 'tiles-batched']);
      expect(names(gpu, shapes.parity, 1)).toEqual(['tiles-batched', 'tiles-persistent']);
      expect(names(gpu, shapes.odd, 100)).toEqual(['tiles-persistent', 'tiles-batched']);
      expect(names(gpu, shapes.wide, 100)).toEqual(['tiles-batched']);
    },
  );

  it.each(['lavapipe', 'SwiftShader'] as const)('%s: subgroup where it fits, else tiles', (cpu) => {
    for (const runs of [1, 100]) expect(names(cpu, shapes.parity, runs)).toEqual(['subgroup']);
    expect(names(cpu, shapes.odd, 100)).toEqual(['tiles-batched']);
    expect(names(cpu, shapes.wide, 100)).toEqual(['tiles-batched']);
  });

  it('a CPU driver without subgroups: tiles, plain loops for the smallest', () => {
    expect(names('a CPU driver without subgroups', shapes.parity, 100)).toEqual(['tiles-batched']);
    const tiny = { features: 8, hidden: 16, batch: 128 };
    expect(names('a CPU driver without subgroups', tiny, 100)).toEqual(['portable']);
    expect(names('NVIDIA', tiny, 100)).toEqual(['tiles-persistent', 'tiles-batched']);
  });

  it('on no adapter depends on the number of runs in a way that bits could show', () => {
    // tiles-persistent and tiles-batched agree bit for bit (same-bits.test.ts); no other two do.
    for (const on of Object.keys(adapters) as (keyof typeof adapters)[]) {
      for (const shape of Object.values(shapes)) {
        const sets = [1, 47, 48, 100, 1024].map((runs) => names(on, shape, runs).sort().join());
        expect(new Set(sets).size).toBe(1);
        if (names(on, shape, 1).length > 1) expect(sets[0]).toBe('tiles-batched,tiles-persistent');
      }
    }
  });
});

describe('a kernel by name', () => {
  it('is that kernel where it can run', () => {
    expect(variantNamed('subgroup', adapters.NVIDIA, shapes.parity, 100).name).toBe('subgroup');
    expect(variantNamed('portable', adapters.lavapipe, shapes.wide, 1).name).toBe('portable');
  });

  it.each([
    [
      'subgroup',
      'Intel',
      shapes.parity,
      /needs one subgroup size from 4 to 32; this device has 8 to 32\. The tiles-persistent/,
    ],
    [
      'subgroup',
      'a browser without subgroups',
      shapes.parity,
      /has no subgroups\. The tiles-persistent kernel can\./,
    ],
    [
      'subgroup',
      'lavapipe',
      shapes.wide,
      /at most 128 examples; asked for 1024\. The tiles-batched kernel can\./,
    ],
    [
      'tiles-persistent',
      'NVIDIA',
      shapes.wide,
      /1024 x 4096 x 1024 = 4294967296 products.* The tiles-batched kernel can\./,
    ],
  ] as const)('%s on %s is refused with the reason and the one that can', (name, on, shape, message) => {
    expect(() => variantNamed(name, adapters[on], shape, 100)).toThrow(message);
  });

  it('tiles-f16 is taken where the device has its matrices, and else refused with what is missing', () => {
    const named = (on: AdapterFacts) => variantNamed('tiles-f16', on, shapes.parity, 100).name;
    const matrices = (lanes: number, ...subgroupMatrices: string[]): AdapterFacts => ({
      info: { isCpu: false, subgroupMinSize: 8, subgroupMaxSize: lanes, subgroupMatrices },
      features: { has: () => true },
      limits: DEFAULTS,
    });
    const fitting = '16 x 16 x 16, f16 to f32';
    expect(named(matrices(64, '16 x 16 x 16, f16 to f16', fitting))).toBe('tiles-f16');
    expect(() => named(adapters.NVIDIA)).toThrow(
      /tiles-f16 kernel cannot train this: the device has no shader-f16 and no chromium-experimental-subgroup-matrix\. .*subgroupMatrices.* The tiles-persistent kernel can\.$/,
    );
    expect(() => named(matrices(32, '8 x 8 x 8, f32 to f32'))).toThrow(
      'it needs subgroup matrices of 16 x 16 x 16, f16 to f32; this device has 8 x 8 x 8, f32 to f32.',
    );
    expect(() => named(matrices(8, fitting))).toThrow(
      'it needs subgroups of 16 lanes or more; this device has 8.',
    );
  });

  it('is refused where there is none of that name', () => {
    expect(() => variantNamed('toString', adapters.NVIDIA, shapes.parity, 1)).toThrow(
      'There is no kernel "toString"; there are auto, subgroup, tiles-persistent, tiles-batched, tiles-f16, portable.',
    );
  });
});

describe('timing', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  it.each(candidates(adapters.NVIDIA, shapes.odd, 1).map((variant) => [variant.name, variant] as const))(
    'takes some time for the steps of %s, and leaves nothing behind',
    async (_, variant) => {
      await timeKernel(device, variant, shapes.odd, 3);
      const { buffers, bytes } = device.memory();
      expect(await timeKernel(device, variant, shapes.odd, 3)).toBeGreaterThan(0);
      expect(device.memory()).toMatchObject({ buffers, bytes });
    },
  );

  describe('once', () => {
    const home = mkdtempSync(join(tmpdir(), 'lockstep-cache-'));
    const file = join(home, 'lockstep-gpu', 'kernels.json');
    const both = candidates(adapters.NVIDIA, shapes.parity, 100);
    let timed: string[];
    const time = async (_: Device, variant: KernelVariant) => {
      timed.push(variant.name);
      return variant.name === 'tiles-batched' ? 1 : 2;
    };
    /** As a new process would: modules that remember nothing. */
    const fresh = async () => {
      vi.resetModules();
      return (await import('../../../src/lockstep/autotune/index.js')).fastest;
    };

    beforeEach(() => {
      timed = [];
      // Each platform's own variable, and the home folder of macOS.
      for (const name of ['XDG_CACHE_HOME', 'LOCALAPPDATA', 'HOME']) vi.stubEnv(name, home);
      vi.spyOn(process, 'platform', 'get').mockReturnValue('linux');
      rmSync(join(home, 'lockstep-gpu'), { recursive: true, force: true });
    });
    afterEach(() => {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
    });
    afterAll(() => rmSync(home, { recursive: true }));

    it('the winner is remembered, in this process and in the next, for this shape and number of runs', async () => {
      const fastest = await fresh();
      expect((await fastest(device, both, shapes.parity, 100, time)).name).toBe('tiles-batched');
      expect((await fastest(device, both, shapes.parity, 100, time)).name).toBe('tiles-batched');
      expect((await (await fresh())(device, both, shapes.parity, 100, time)).name).toBe('tiles-batched');
      expect(timed).toEqual(['tiles-persistent', 'tiles-batched']);
      await fastest(device, both, shapes.parity, 99, time);
      await fastest(device, both, shapes.odd, 100, time);
      expect(timed).toHaveLength(6);
      expect(Object.values(JSON.parse(readFileSync(file, 'utf8')))).toEqual([
        'tiles-batched',
        'tiles-batched',
        'tiles-batched',
      ]);
    });

    it.each([
      ['is no JSON', '{"half": '],
      ['is a list', '["tiles-batched"]'],
      ['is null', 'null'],
    ])('a cache that %s is written anew', async (_, text) => {
      mkdirSync(join(home, 'lockstep-gpu'));
      writeFileSync(file, text);
      expect((await (await fresh())(device, both, shapes.parity, 100, time)).name).toBe('tiles-batched');
      expect(timed).toEqual(['tiles-persistent', 'tiles-batched']);
      expect(Object.values(JSON.parse(readFileSync(file, 'utf8')))).toEqual(['tiles-batched']);
    });

    it.each(['"subgroup"', '"none"', '7', '{}'])(
      'a winner %s that is no candidate is timed again',
      async (winner) => {
        await (await fresh())(device, both, shapes.parity, 100, time);
        writeFileSync(file, readFileSync(file, 'utf8').replace('"tiles-batched"', winner));
        expect((await (await fresh())(device, both, shapes.parity, 100, time)).name).toBe('tiles-batched');
        expect(timed).toHaveLength(4);
      },
    );

    it.runIf(typeof process.getuid === 'function')('only the user can read and write the cache', async () => {
      await (await fresh())(device, both, shapes.parity, 100, time);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(join(home, 'lockstep-gpu')).mode & 0o777).toBe(0o700);
      expect(readdirSync(join(home, 'lockstep-gpu'))).toEqual(['kernels.json']);
    });

    it.runIf(typeof process.getuid === 'function').each<[string, () => void, RegExp]>([
      [
        'whose file others can write to',
        () => chmodSync(file, 0o666),
        /kernels.json is left alone: others can write/,
      ],
      [
        'whose folder others can write to',
        () => chmodSync(join(home, 'lockstep-gpu'), 0o777),
        /lockstep-gpu is left alone: others can write/,
      ],
      [
        "of another user's",
        () => vi.spyOn(process as Required<NodeJS.Process>, 'getuid').mockReturnValue(12345),
        /lockstep-gpu is left alone: it is another user's/,
      ],
      ['that is damaged', () => writeFileSync(file, '{"half": '), /kernels.json is damaged/],
    ])('a cache %s is not believed, with a warning', async (_, spoil, warning) => {
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      await (await fresh())(device, both, shapes.parity, 100, time);
      writeFileSync(file, readFileSync(file, 'utf8').replace('tiles-batched', 'tiles-persistent'));
      spoil();
      timed = [];
      expect((await (await fresh())(device, both, shapes.parity, 100, time)).name).toBe('tiles-batched');
      expect(timed).toEqual(['tiles-persistent', 'tiles-batched']);
      expect(warn.mock.calls.map(([message]) => message)).toEqual([expect.stringMatching(warning)]);
    });

    it('a cache folder that cannot be made is no error', async () => {
      writeFileSync(join(home, 'lockstep-gpu'), 'a file in the way');
      expect((await (await fresh())(device, both, shapes.parity, 100, time)).name).toBe('tiles-batched');
      expect(existsSync(file)).toBe(false);
    });
  });
});
