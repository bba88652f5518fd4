// Many parameters in one launch: the same bits as each alone, whatever memory parameters, gradients and state lie in.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { copy_ } from '../../src/autograd/ops/in-place.js';
import { mul, reshape, slice, sum, transpose } from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import * as optim from '../../src/optim/index.js';
import { kernelTotals } from '../../src/profiler/profile.js';
import { takeProfile } from '../../src/profiler/take-profile.js';
import { Generator } from '../../src/random/generator.js';
import { randn, tensor } from '../../src/tensor/create.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const SHAPES = [[64, 3], [64], [1], [0], [5, 7], [300, 70], [2], [129], [1, 1], [3], [64, 64], [7], [8], [9]];

type Kind = new (
  params: readonly Tensor[] | { params: readonly Tensor[]; lr?: number; weightDecay?: number }[],
) => optim.Optimizer;
const kinds: [string, Kind][] = [
  ['AdamW', class extends optim.AdamW {}],
  [
    'Adam',
    class extends optim.Adam {
      constructor(params: ConstructorParameters<Kind>[0]) {
        super(params, { weightDecay: 0.1 });
      }
    },
  ],
  [
    'AdamW, amsgrad',
    class extends optim.AdamW {
      constructor(params: ConstructorParameters<Kind>[0]) {
        super(params, { amsgrad: true });
      }
    },
  ],
  [
    'RMSprop with everything',
    class extends optim.RMSprop {
      constructor(params: ConstructorParameters<Kind>[0]) {
        super(params, { momentum: 0.9, centered: true });
      }
    },
  ],
  [
    'SignSGD',
    class extends optim.SignSGD {
      constructor(params: ConstructorParameters<Kind>[0]) {
        super(params, { momentum: 0.9 });
      }
    },
  ],
  ['SGD', class extends optim.SGD {}],
  [
    'SGD with momentum',
    class extends optim.SGD {
      constructor(params: ConstructorParameters<Kind>[0]) {
        super(params, { momentum: 0.9, dampening: 0.5, weightDecay: 0.1 });
      }
    },
  ],
  [
    'SGD, Nesterov',
    class extends optim.SGD {
      constructor(params: ConstructorParameters<Kind>[0]) {
        super(params, { momentum: 0.9, nesterov: true });
      }
    },
  ],
];

describe.each(['default', 'max'] as const)('with %s limits', (requiredLimits) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ requiredLimits });
  });
  afterAll(() => device.destroy());

  const parameters = (): Tensor[] => {
    const generator = new Generator(7);
    return SHAPES.map((shape) => {
      const made = randn(shape, { device, generator });
      made.requiresGrad = true;
      return made;
    });
  };

  /** Gradients for a step: some parameters have none, some gradients are strided or lie within other memory. */
  function give(params: readonly Tensor[], step: number): void {
    const generator = new Generator(100 + step);
    params.forEach((parameter, i) => {
      const { shape } = parameter;
      const n = parameter.numel;
      const values = randn([n + 5], { device, generator });
      const dense = slice(values, 0, 5);
      parameter.grad = (i + step) % 5 === 0 ? null : reshape(dense, shape);
      if (i === 4 && parameter.grad) {
        const turned = noGrad(() => transpose(reshape(dense, [shape[1], shape[0]])));
        parameter.grad = turned;
      }
    });
  }

  const values = (tensors: readonly Tensor[]) =>
    Promise.all(tensors.map(async (each) => [...(await each.data())]));

  it.each(requiredLimits === 'max' ? kinds.filter(([name]) => name === 'SGD with momentum') : kinds)(
    '%s: the same bits as an optimizer for each parameter',
    async (_, Kind) => {
      const [together, alone] = [parameters(), parameters()];
      const groups = (params: readonly Tensor[]) => [
        { params: params.slice(0, 9) },
        { params: params.slice(9), lr: 0.1, weightDecay: 0.25 },
      ];
      const one = new Kind(groups(together));
      const each = alone.map(
        (parameter, i) => new Kind([{ ...groups([])[i < 9 ? 0 : 1], params: [parameter] }]),
      );
      let loaded = one;
      for (let step = 0; step < 6; step++) {
        give(together, step);
        give(alone, step);
        loaded.step();
        for (const optimizer of each) optimizer.step();
        if (step === 2) {
          loaded = new Kind(groups(together)); // goes on from what was saved
          loaded.loadStateDict(one.stateDict());
          loaded.loadStateDict(loaded.stateDict());
          one.dispose();
        }
      }
      expect(await values(together)).toEqual(await values(alone));
      expect(loaded.stateDict().steps).toEqual(each.flatMap((optimizer) => optimizer.stateDict().steps));
      const states = each.flatMap((optimizer, i) =>
        Object.entries(optimizer.stateDict().tensors).map(
          ([name, t]) => [name.replace('0.', `${i}.`), t] as const,
        ),
      );
      const own = loaded.stateDict().tensors;
      expect(Object.keys(own)).toEqual(states.map(([name]) => name));
      expect(await values(Object.values(own))).toEqual(await values(states.map(([, t]) => t)));
      loaded.dispose();
    },
  );

  it('parameters that lie within one memory are updated where they lie', async () => {
    const whole = tensor([1, 2, 3, 4, 5, 6], { device });
    const parts = [slice(whole, 0, 0, 2), slice(whole, 0, 3, 5)].map((part) => part.detach());
    for (const part of parts) part.requiresGrad = true;
    const optimizer = new optim.SGD(parts, { lr: 1 });
    sum(mul(parts[0], 10)).backward();
    parts[1].grad = parts[1].detach();
    optimizer.step();
    expect(await whole.toArray()).toEqual([-9, -8, 3, 0, 0, 6]);
    const adam = new optim.AdamW(parts, { lr: 1, weightDecay: 0 });
    adam.step();
    expect((await whole.toArray()) as number[]).toEqual([-10, -9, 3, 0, 0, 6]);
  });

  it('a step counts for the tensors that it changes, not for others', () => {
    const [a, b] = [
      tensor([1, 2], { device, requiresGrad: true }),
      tensor([3], { device, requiresGrad: true }),
    ];
    const optimizer = new optim.AdamW([a, b]);
    sum(a).backward();
    const [ofA, ofB] = [sum(mul(a, a)), sum(mul(b, b))];
    optimizer.step();
    ofB.backward();
    expect(() => ofA.backward()).toThrow(/modified by an inplace operation/);
  });

  it('takes as few launches as the bindings allow', async () => {
    const params = parameters().filter(({ numel }) => numel > 0);
    const optimizer = new optim.AdamW(params);
    for (const parameter of params) parameter.grad = noGrad(() => parameter.clone());
    optimizer.step();
    const profile = await takeProfile(device, () => optimizer.step());
    const calls = kernelTotals(profile).filter(({ kernel }) => kernel === 'adamw');
    const each = Math.min(15, Math.floor((device.limits.maxStorageBuffersPerShaderStage - 1) / 2));
    const count = calls.reduce((sum, total) => sum + total.calls, 0);
    expect(count).toBe(Math.ceil(params.length / each));
  });

  it('leaves no memory behind', async () => {
    const params = parameters();
    const before = device.pool.usedBuffers;
    for (let i = 0; i < 3; i++) {
      const optimizer = new optim.AdamW(params);
      for (const parameter of params) parameter.grad = noGrad(() => parameter.clone());
      for (let step = 0; step < 3; step++) optimizer.step();
      optimizer.loadStateDict(optimizer.stateDict());
      optimizer.zeroGrad();
      optimizer.dispose();
    }
    expect(device.pool.usedBuffers).toBe(before);
    noGrad(() => copy_(params[0], new Float32Array(params[0].numel)));
  });
});
