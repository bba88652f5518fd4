// Calling a module of any class calls its forward function; otherwise it behaves like an object.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { add, mul, relu, sum } from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import { ones, randn, tensor } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const parameter = (...values: number[]) => tensor(values, { requiresGrad: true });

/** Names that functions have, private fields, and a forward function of two inputs. */
class Odd extends nn.Module {
  override name = parameter(1, 2);
  override length = parameter(3, 4);
  override arguments = parameter(5, 6);
  override call = parameter(7, 8);
  readonly #factor: number;
  static made = 0;

  constructor(factor: number) {
    super();
    this.#factor = factor;
    Odd.made++;
  }

  get factor(): number {
    return this.#factor;
  }

  override forward(x: Tensor, y: Tensor): Tensor {
    return mul(add(mul(x, this.name), mul(y, this.length)), this.#factor);
  }
}

class Child extends Odd {
  readonly inner = new nn.Linear(2, 2);
  override forward(x: Tensor, y: Tensor): Tensor {
    return relu(this.inner(super.forward(x, y)));
  }
}

describe('model(x)', () => {
  it('is model.forward(x), in every class', async () => {
    const x = randn([3, 2]);
    const one: nn.Module[] = [
      new nn.Linear(2, 3),
      new nn.Linear(2, 3, { bias: false }),
      new nn.ReLU(),
      new nn.Tanh(),
      new nn.Sigmoid(),
      new nn.FusedMlp(2, 4),
      new nn.Sequential(),
      new nn.Sequential(new nn.Linear(2, 4), new nn.Sequential(new nn.ReLU()), new nn.Linear(4, 1)),
    ];
    for (const module of one) {
      expect(typeof module).toBe('function');
      expect(await module(x).toArray()).toEqual(await module.forward(x).toArray());
    }
    for (const module of [new Odd(3), new Child(3)]) {
      expect(await module(x, x).toArray()).toEqual(await module.forward(x, x).toArray());
    }
  });

  it('has the types of forward', () => {
    const [odd, linear] = [new Odd(1), new nn.Linear(1, 1)];
    expectTypeOf(odd).parameters.toEqualTypeOf<[x: Tensor, y: Tensor]>();
    expectTypeOf(linear).parameters.toEqualTypeOf<[x: Tensor]>();
    expectTypeOf(linear).returns.toEqualTypeOf<Tensor>();
    // @ts-expect-error a second input is missing
    expect(() => odd(ones([2]))).toThrow();
  });

  it('calls the forward function that the module has now', async () => {
    const model = new nn.ReLU();
    model.forward = (x) => mul(x, 10);
    expect(await model(tensor([-1])).toArray()).toEqual([-10]);
    expect(await new nn.Sequential(model)(tensor([-1])).toArray()).toEqual([-10]);
  });

  it('calls the module that stands in a place now, whose parameters it has', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 8), new nn.ReLU(), new nn.Linear(8, 1));
    const head = new nn.Linear(8, 3);
    model[2] = head;
    expect(model(ones([4, 2])).shape).toEqual([4, 3]);
    expect(model.parameters().slice(2)).toEqual([head.weight, head.bias]);
    expect(model.describe().network.layers.map(({ units }) => units)).toEqual([8, 3]);
    Reflect.set(model, 1, relu);
    expect(() => model(ones([4, 2]))).toThrow('Sequential: the module 1 is');
  });
});

describe('a module that can be called', () => {
  it('is an instance of its classes, with private fields and accessors', () => {
    const child = new Child(5);
    expect([Child, Odd, nn.Module].map((kind) => child instanceof kind)).toEqual([true, true, true]);
    expect(child instanceof nn.Linear).toBe(false);
    expect(child.constructor).toBe(Child);
    expect(child.factor).toBe(5);
    expect(new nn.Sequential(child as never, child as never).length).toBe(2);
  });

  it('has only its own properties, so that parameters may have any name', async () => {
    const names = ['name', 'length', 'arguments', 'call'];
    expect(Object.keys(new Odd(1))).toEqual(names);
    const model = new Child(1);
    const all = [...names, 'inner.weight', 'inner.bias'];
    expect(model.namedParameters().map(([name]) => name)).toEqual(all);
    expect(Object.keys(new nn.Sequential(model as never, model as never, new nn.Tanh()).stateDict())).toEqual(
      all.map((name) => `0.${name}`),
    );
    const other = new Child(1);
    other.loadStateDict(model.stateDict());
    const x = ones([2, 2]);
    expect(await other(x, x).toArray()).toEqual(await model(x, x).toArray());
    expect(Reflect.ownKeys(new nn.Tanh())).toEqual([]);
  });

  it('trains, and is kept by scope() and freed by dispose()', async () => {
    const { model } = scope(() => ({ model: new Child(1) }));
    const x = ones([1, 2]);
    sum(model(x, x)).backward();
    expect(await model.inner.weight.grad?.data()).toHaveLength(4);
    expect(await noGrad(() => model(x, x)).data()).toHaveLength(2);
    model.dispose();
    expect(model.parameters().every(({ disposed }) => disposed)).toBe(true);
  });

  it('prints itself', () => {
    expect(inspect(new nn.Linear(2, 3))).toBe('Linear(weight [3, 2], bias [3])');
    expect(
      `${new nn.Sequential(new nn.Linear(2, 3, { bias: false }), new nn.Sequential(new nn.Tanh()))}`,
    ).toBe('Sequential(\n  (0): Linear(weight [3, 2])\n  (1): Sequential(\n    (0): Tanh()\n  )\n)');
  });
});
