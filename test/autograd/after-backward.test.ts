// Results that the program holds survive backward(): at any depth, of any size, as views, and after errors.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { defineOp } from '../../src/autograd/define-op.js';
import { copy_ } from '../../src/autograd/ops/in-place.js';
import * as ops from '../../src/autograd/ops/index.js';
import {
  add,
  argmax,
  cast,
  crossEntropy,
  eq,
  exp,
  linear,
  matmul,
  mean,
  mul,
  relu,
  reshape,
  sigmoid,
  slice,
  sum,
  tanh,
  transpose,
} from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { randint, randn } from '../../src/tensor/create.js';
import { setLeftoverLimit } from '../../src/tensor/leftovers.js';
import { scope } from '../../src/tensor/scope.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const leaf = (...shape: number[]) => {
  const made = randn(shape);
  made.requiresGrad = true;
  return made;
};
const values = async (t: Tensor) => [...(await t.data())];

describe('the standard loop', () => {
  it('reads the accuracy of a step from its outputs after backward() and step()', async () => {
    const model = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 3));
    const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 });
    const [x, labels] = [randn([64, 4]), randint(0, 3, [64])];
    for (let step = 0; step < 5; step++) {
      const expected = await values(
        argmax(
          noGrad(() => model(x)),
          1,
        ),
      );
      optimizer.zeroGrad();
      const out = model(x);
      const loss = crossEntropy(out, labels);
      loss.backward();
      optimizer.step();
      expect(await values(argmax(out, 1))).toEqual(expected);
      const hits = await labels.data().then((data) => expected.filter((label, i) => label === data[i]));
      expect(await mean(cast(eq(argmax(out, 1), labels), 'f32')).item()).toBeCloseTo(hits.length / 64, 6);
      expect(out.requiresGrad).toBe(true);
    }
  });
});

/** Extents around the size up to which results move to a page, and zero. */
const ROWS = [0, 1, 3, 64, 63 * 64 + 1, 64 * 64, 64 * 64 + 1, 300 * 64];

describe('held results', () => {
  it.each(ROWS)('of %i elements keep their values, at every depth', async (n) => {
    const w = leaf(n);
    const unary = [exp, tanh, relu, sigmoid, (x: Tensor) => mul(x, 2), (x: Tensor) => add(x, x)];
    const made = (x: Tensor) => {
      let last = x;
      return unary.map((op) => {
        last = op(last);
        return last;
      });
    };
    const expected = await Promise.all(noGrad(() => made(w)).map(values));
    const held = made(w);
    sum(held.at(-1) as Tensor).backward();
    noGrad(() => copy_(w, new Float32Array(n)));
    for (let i = 0; i < 3; i++) sum(made(w).at(-1) as Tensor).backward(); // reuses what is free
    expect(await Promise.all(held.map(values))).toEqual(expected);
    for (const each of held) each.dispose();
  });

  it.each([4, 200])('as views of %i rows stay views of one memory', async (rows) => {
    const w = leaf(rows, 30);
    const doubled = mul(w, 2);
    const views = [reshape(doubled, [-1]), transpose(doubled), slice(doubled, 0, 1, 3)];
    const detached = transpose(mul(w, 3)).detach();
    const expected = await Promise.all([doubled, ...views, detached].map(values));
    sum(add(sum(views[0]), add(sum(views[1]), sum(views[2])))).backward();
    expect(await Promise.all([doubled, ...views, detached].map(values))).toEqual(expected);
    copy_(doubled.detach(), new Float32Array(rows * 30).fill(7));
    expect(new Set(await values(views[1]))).toEqual(new Set([7]));
    expect(new Set(await values(views[2]))).toEqual(new Set([7]));
  });

  it('can be used in new graphs and by operations that change others in place', async () => {
    const w = leaf(6);
    const [a, b] = [mul(w, 2), mul(w, 3)];
    const loss = sum(mul(a, b));
    loss.backward();
    const [before, other] = [await values(a), await values(b)];
    // Both may lie on one page.
    copy_(a.detach(), b.detach());
    expect(await values(a)).toEqual(other);
    const v = leaf(6);
    sum(mul(v, b.detach())).backward();
    expect(await values(v.grad as Tensor)).toEqual(other);
    expect(before).not.toEqual(other);
    expect(() => sum(mul(b, v)).backward()).toThrow(/a second time/);
  });

  it('of two graphs keep what the other graph needs', async () => {
    const w = leaf(5);
    const shared = w.detach();
    shared.requiresGrad = true;
    const h = exp(shared);
    const [first, second] = [sum(mul(h, h)), sum(tanh(h.detach()))];
    const expected = await values(h);
    first.backward();
    expect(await values(h)).toEqual(expected);
    expect(await second.item()).toBeCloseTo(
      expected.reduce((total, value) => total + Math.tanh(value), 0),
      4,
    );
  });

  it('survive retainGraph, the pass after it, and errors in a rule', async () => {
    const w = leaf(8);
    const h = exp(w);
    const expected = await values(h);
    const loss = sum(mul(h, h));
    loss.backward({ retainGraph: true });
    loss.backward();
    expect(await values(h)).toEqual(expected);

    const broken = defineOp({
      name: 'broken',
      forward: (_, x: Tensor) => mul(x, 2),
      backward: () => {
        throw new Error('midway');
      },
    });
    const [before, after] = [exp(w), tanh(w)];
    const bad = broken(before);
    expect(() => sum(mul(bad, after)).backward()).toThrow('midway');
    expect(await values(before)).toEqual(expected);
    expect(await values(bad)).toEqual(expected.map((value) => 2 * value));
    expect(await after.data()).toHaveLength(8);
  });

  it('say the same to toString() before and after, and know when they changed in place', async () => {
    const h = mul(leaf(2), 2);
    copy_(h.detach(), Float32Array.of(1, 2));
    await h.data();
    const before = h.toString();
    sum(h).backward();
    expect(h.toString()).toBe(before);
    copy_(h.detach(), Float32Array.of(3, 4));
    expect(h.toString()).not.toBe(before);
    expect(await values(h)).toEqual([3, 4]);
  });

  it('that a module of the user’s keeps inside of a Sequential survive, in noGrad too', async () => {
    class Keeps extends nn.Module {
      seen: Tensor[] = [];
      override forward(x: Tensor): Tensor {
        const y = relu(x);
        this.seen = [x, y];
        return y;
      }
    }
    const keeps = new Keeps();
    const model = new nn.Sequential(
      new nn.Linear(3, 4),
      new nn.Tanh(),
      new nn.Sequential(keeps, new nn.Linear(4, 4)),
      new nn.Linear(4, 1),
    );
    const x = randn([5, 3]);
    noGrad(() => model(x));
    const expected = await Promise.all(keeps.seen.map(values));
    sum(model(x)).backward();
    expect(await Promise.all(keeps.seen.map(values))).toEqual(expected);
  });
});

describe('what nobody can hold', () => {
  it('is freed without backward(): between layers, and in scopes, except what rules need', () => {
    const model = new nn.Sequential(...Array.from({ length: 4 }, () => new nn.Linear(8, 8)));
    const x = randn([600, 8]);
    const used = () => device.memory().buffers;
    const before = used();
    const out = model(x);
    expect(used() - before).toBe(4); // three inputs of later layers are saved, and the result
    const summed = scope(() => sum(add(add(out, 1), 1)));
    expect(used() - before).toBe(5); // sums save nothing
    summed.backward();
    expect(used() - before).toBeLessThanOrEqual(3 + 8); // results on pages, and the gradients
  });

  it('says of a scope’s results where they went', () => {
    let lost: Tensor | undefined;
    scope(() => {
      lost = mul(leaf(2), 2);
    });
    expect(() => add(lost as Tensor, 1)).toThrow(/freed by the end of its scope, which did not return it/);
  });
});

describe('changes in place between forward and backward', () => {
  const SAVES: [string, (x: Tensor) => Tensor][] = [
    ['exp', exp],
    ['tanh', tanh],
    ['mul', (x) => mul(x, x)],
    ['matmul', (x) => matmul(x, transpose(x))],
    ['linear', (x) => linear(x, x)],
    ['softmax', (x) => ops.softmax(x)],
    ['max', (x) => ops.max(x, 1)],
    ['clamp', (x) => ops.clamp(x, -1, 1)],
    ['bceWithLogits', (x) => ops.bceWithLogits(x, x.detach(), { reduction: 'none' })],
  ];
  it.each(SAVES)('are refused where %s saved the values, through any handle on them', (_, op) => {
    for (const through of [(t: Tensor) => t, (t: Tensor) => t.detach(), (t: Tensor) => reshape(t, [-1])]) {
      const input = mul(leaf(3, 3), 1);
      const result = op(input);
      const [saved] = (result.node?.tensors() ?? []).filter((t) => !t.requiresGrad);
      noGrad(() => {
        const target = through(saved.detach()).detach();
        copy_(target, new Float32Array(target.numel));
      });
      expect(() => sum(result).backward()).toThrow(/modified by an inplace operation/);
    }
  });
});

describe('a loop that never awaits', () => {
  const pass = (w: Tensor): Tensor => {
    const h = mul(w, 2); // 80 KB
    sum(h).backward();
    return h;
  };

  it('stays within the limit, and says of the oldest results that they went', async () => {
    await device.sync();
    const before = setLeftoverLimit(2 ** 20);
    try {
      for (const rows of [20_000, 2_000]) {
        const w = leaf(rows);
        const early = pass(w);
        const kept = early.detach(); // another handle: its memory stays
        for (let i = 0; i < 10; i++) pass(w); // fills the page that `kept` may look into
        const start = device.memory().bytes;
        const other = pass(w);
        let last = other;
        let previous = other;
        for (let i = 0; i < 400; i++) {
          previous = last;
          last = pass(w);
        }
        expect(device.memory().bytes - start).toBeLessThan(2 * 2 ** 20);
        expect(other.disposed).toBe(true);
        expect(() => add(other, 1)).toThrow(/freed to make room: .*Await now and then/);
        other.dispose();
        const twice = (await values(w)).map((value) => 2 * value);
        for (const held of [early, kept, previous, last]) expect(await values(held)).toEqual(twice);
      }
    } finally {
      setLeftoverLimit(before);
    }
  });

  it('loses nothing that it held when it awaited', async () => {
    const before = setLeftoverLimit(2 ** 20);
    try {
      const w = leaf(20_000);
      const held: Tensor[] = [];
      for (let i = 0; i < 40; i++) {
        held.push(pass(w));
        if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const twice = (await values(w)).map((value) => 2 * value);
      for (const each of held) expect(await values(each)).toEqual(twice);
    } finally {
      setLeftoverLimit(before);
    }
  });
});
