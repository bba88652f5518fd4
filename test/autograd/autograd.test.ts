// The backward pass: gradients, leaves, copy_, clone, noGrad, scopes around graphs, and errors about freed tensors.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { copy_ } from '../../src/autograd/ops/in-place.js';
import { add, cast, exp, expand, mul, reshape, sum, transpose } from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import { LockstepError } from '../../src/platform/errors.js';
import { ones, tensor } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';
import { setDebug, type Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());
afterEach(() => setDebug(false));

const leaf = (...values: number[]) => tensor(values, { requiresGrad: true });

describe('backward', () => {
  it('adds up over several uses of one tensor', async () => {
    const w = leaf(1, 2, 3);
    const square = mul(w, w);
    sum(add(square, mul(square, 2))).backward();
    expect(await w.grad?.toArray()).toEqual([6, 12, 18]);
  });

  it('accumulates into grad, which stays the same object', async () => {
    const w = leaf(1, 2);
    sum(mul(w, 3)).backward();
    const { grad } = w;
    sum(mul(w, 4)).backward();
    expect(w.grad).toBe(grad);
    expect(await w.grad?.toArray()).toEqual([7, 7]);
  });

  it('adds to a gradient that the program put there, a strided view too', async () => {
    const w = tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2], requiresGrad: true });
    const own = tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3] });
    w.grad = transpose(own);
    for (const _ of [1, 2]) sum(w).backward();
    expect(await w.grad.toArray()).toEqual([
      [3, 6],
      [4, 7],
      [5, 8],
    ]);
    w.grad = expand(tensor([1, 2]), [3, 2]);
    sum(w).backward();
    expect(await w.grad.toArray()).toEqual(Array(3).fill([2, 3]));
    expect(await own.data()).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
  });

  it('of a leaf is the gradient alone', async () => {
    const w = leaf(2);
    w.backward();
    w.backward({ gradient: tensor([3]) });
    expect(await w.grad?.toArray()).toEqual([4]);
    expect(() => tensor(2).backward()).toThrow(/does not require grad and does not have a grad_fn/);
  });

  it('takes a gradient for results that are no scalars', async () => {
    const w = leaf(1, 2);
    mul(w, w).backward({ gradient: tensor([1, 10]) });
    expect(await w.grad?.toArray()).toEqual([2, 40]);
    expect(() => mul(w, w).backward({ gradient: tensor([1]) })).toThrow(/f32 \[1\]; the tensor is f32 \[2\]/);
    expect(() => mul(w, w).backward()).toThrow(
      /grad can be implicitly created only for scalar outputs.*\[2\]/,
    );
  });

  it('gives nothing to tensors that require no gradients, nor to detached ones', async () => {
    const [w, x] = [leaf(2), tensor([5])];
    const y = mul(w, w);
    sum(add(mul(y.detach(), w), x)).backward();
    expect(await w.grad?.toArray()).toEqual([4]);
    expect(x.grad).toBeNull();
    expect(y.grad).toBeNull();
  });

  it('a second time through one graph is refused, as in PyTorch', async () => {
    const w = leaf(1);
    const loss = sum(exp(w));
    loss.backward();
    expect(() => loss.backward()).toThrow(/Trying to backward through the graph a second time/);
    // A shared part counts too.
    const shared = exp(w);
    sum(shared).backward();
    expect(() => sum(mul(shared, 2)).backward()).toThrow(/a second time.*exp was gone through/);
  });

  it('a second time works with retainGraph', async () => {
    const w = leaf(0);
    const loss = sum(exp(w));
    loss.backward({ retainGraph: true });
    loss.backward();
    expect(await w.grad?.toArray()).toEqual([2]);
  });

  it('without a graph says what is missing', () => {
    expect(() => sum(tensor([1, 2])).backward()).toThrow(/does not require grad/);
    expect(() => noGrad(() => sum(leaf(1))).backward()).toThrow(/noGrad/);
  });

  it('refuses values that were changed in place after they were saved', () => {
    const w = leaf(1, 2);
    const loss = sum(mul(w, w));
    noGrad(() => copy_(w, Float32Array.of(3, 4)));
    expect(() => loss.backward()).toThrow(
      /modified by an inplace operation.*at version 1; expected version 0/,
    );
    expect(w.grad).toBeNull();
  });

  it('lets values change that no rule needs', async () => {
    const w = leaf(1, 2);
    const loss = sum(add(w, w));
    noGrad(() => copy_(w, Float32Array.of(3, 4)));
    loss.backward();
    expect(await w.grad?.toArray()).toEqual([2, 2]);
  });

  it('goes through graphs that are deep', async () => {
    const w = leaf(1);
    let y = mul(w, 1);
    for (let i = 0; i < 3000; i++) y = add(y, 0);
    sum(y).backward();
    expect(await w.grad?.toArray()).toEqual([1]);
  });
});

describe('leaves', () => {
  it('alone can be told to require gradients, and only f32 ones', () => {
    const w = leaf(1);
    const y = mul(w, 2);
    expect([w.isLeaf, y.isLeaf, y.requiresGrad]).toEqual([true, false, true]);
    expect(() => {
      y.requiresGrad = false;
    }).toThrow(/only change requiresGrad flags of leaf/);
    expect(() => tensor([1], { dtype: 'i32', requiresGrad: true })).toThrow(/dtype f32/);
    expect(cast(w, 'i32').requiresGrad).toBe(false);
  });

  it('take as gradients only f32 tensors of their shape, and null', () => {
    const w = leaf(1, 2);
    for (const wrong of [tensor([5]), tensor([[1, 2]]), tensor([1, 2], { dtype: 'i32' }), [1, 2]]) {
      expect(() => {
        w.grad = wrong as Tensor;
      }).toThrow(/^grad: the gradient is .*; null or an f32 tensor \[2\] fits/);
    }
    expect(w.grad).toBeNull();
  });

  it('that require gradients are changed in place only in noGrad, results never', () => {
    const w = leaf(1);
    expect(() => copy_(w, Float32Array.of(2))).toThrow(/leaf tensor that requires grad.*in-place/);
    expect(() => copy_(mul(w, 2), Float32Array.of(2))).toThrow(/result of an operation/);
  });
});

describe('copy_', () => {
  it('overwrites from tensors, views of itself, and typed arrays, and refuses what does not fit', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    copy_(x, transpose(x));
    expect(await x.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    copy_(transpose(x), ones([2, 2]));
    expect(await x.toArray()).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(() => copy_(x, ones([2]))).toThrow(/copy_: got f32 \[2, 2\] and f32 \[2\]/);
    expect(() => copy_(x, new Float32Array(3))).toThrow(/copy_: got f32 \[2, 2\] and 3/);
    const repeated = expand(tensor([1, 2]), [2, 2]);
    expect(() => copy_(repeated, x)).toThrow(/share one place in memory: clone\(\) it first/);
    expect(await copy_(repeated.clone(), x).toArray()).toEqual(await x.toArray());
  });
});

describe('clone', () => {
  it('is recorded, but for detach().clone() and in noGrad', async () => {
    const w = leaf(1, 2);
    const copy = w.clone();
    noGrad(() => copy_(w, Float32Array.of(5, 6)));
    expect(copy.isLeaf).toBe(false);
    sum(mul(copy, 3)).backward();
    expect(await w.grad?.toArray()).toEqual([3, 3]);
    for (const apart of [w.detach().clone(), noGrad(() => w.clone())]) {
      expect(apart.requiresGrad).toBe(false);
      expect(await apart.toArray()).toEqual([5, 6]);
    }
  });
});

describe('noGrad and scope', () => {
  it('refuse asynchronous functions', () => {
    expect(() => noGrad(async () => 1)).toThrow(/await after noGrad/);
    expect(() => scope(async () => 1)).toThrow(/await after scope/);
  });

  it('noGrad records again after an exception', () => {
    expect(() =>
      noGrad(() => {
        throw new Error('x');
      }),
    ).toThrow('x');
    expect(sum(leaf(1)).requiresGrad).toBe(true);
  });

  it('scope keeps gradients, and the graph of what it returns', async () => {
    const w = leaf(1, 2);
    scope(() => sum(mul(w, w)).backward());
    expect(await w.grad?.toArray()).toEqual([2, 4]);
    const loss = scope(() => sum(exp(mul(w, 0))));
    loss.backward();
    expect(await w.grad?.toArray()).toEqual([2, 4]);
  });
});

describe('scope and graphs', () => {
  it('keeps the graph behind a result whose parts were disposed inside', async () => {
    const w = leaf(1, 2);
    const loss = scope(() => {
      using square = mul(w, w);
      using cube = mul(square, w);
      return sum(cube);
    });
    loss.backward();
    expect(await w.grad?.toArray()).toEqual([3, 12]);
  });

  it('returns deep graphs, built scope by scope', async () => {
    const w = leaf(1);
    let y = mul(w, 1);
    for (let i = 0; i < 300; i++) {
      y = scope(() => {
        let inner = y;
        for (let j = 0; j < 20; j++) inner = add(inner, 0);
        return inner;
      });
    }
    scope(() => sum(y)).backward();
    expect(await w.grad?.toArray()).toEqual([1]);
  });
});

describe('freed tensors', () => {
  it('say so, with shape and reason, and in debug mode where', () => {
    const x = ones([2, 3]);
    x.dispose();
    x.dispose();
    expect(() => mul(x, 2)).toThrow(LockstepError);
    expect(() => mul(x, 2)).toThrow(/\[2, 3\] f32 was used after it was freed by dispose/);
    setDebug(true);
    const y = ones([4]);
    y.dispose();
    expect(() => y.storage).toThrow(/autograd\.test\.ts/);
  });

  it('share memory with views until the last one goes', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const turned = transpose(x);
    const flat = reshape(x, [4]);
    x.dispose();
    expect(await turned.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    turned.dispose();
    expect(await flat.toArray()).toEqual([1, 2, 3, 4]);
    const { buffers } = device.memory();
    flat.dispose();
    expect(device.memory().buffers).toBe(buffers - 1);
  });
});
