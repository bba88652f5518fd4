/**
 * The tensor: a shape, strides and an element type over device memory, which several tensors may share. Operations are not
 * its methods; they are functions (`add(a, b)`) in src/autograd/ops.
 */
import type { Device } from '../gpu/device.js';
import type { WaitOptions } from '../gpu/waits.js';
import { badArgument, checkBoolean } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { BYTES_PER_ELEMENT, type DType, type HostArray, hostArray } from './dtype.js';
import { formatTensor } from './format.js';
import type { GraphNode } from './graph.js';
import { enterScope } from './scope-list.js';
import { contiguousStrides, isContiguous, numelOf, type Shape, sameShape, showShape } from './shape.js';
import { Storage, unwatch, watch } from './storage.js';
import { gathered, type NestedArray, nested } from './strided-values.js';

/** The most elements of a tensor whose values, once they were read, are kept for printing. */
const REMEMBERED = 4096;

/** Why memory was taken from a result that may still be held; see leftovers.ts. */
const RECLAIMED =
  'to make room: backward() has left too many results while the program awaited nothing, and only then can it be found ' +
  'out which of them the program still holds. Await now and then, as by reading a loss, or keep result.detach().';

let debugging = false;

/** In debug mode, the error about the use of a freed tensor says where it was freed. Costs a stack trace a tensor. */
export function setDebug(on: boolean): void {
  checkBoolean('setDebug', 'the argument', on);
  debugging = on;
}

/** Options of {@link Tensor.backward}. */
export interface BackwardOptions {
  /** The gradient by this tensor of the quantity that is minimized. Default: 1, for tensors with one element. */
  gradient?: Tensor;
  /** Keep the graph and its intermediate results, to go back through it again. Default false. */
  retainGraph?: boolean;
}

/** An axis in front of a tensor's own. */
interface LeadingAxis {
  extent: number;
  stride: number;
}

/** What src/autograd does for tensors. It lies above them, so it hands this over when it is loaded. */
interface Autograd {
  /** A recorded copy. `copyMemory` makes the copy of a dense tensor. */
  clone(source: Tensor, copyMemory: () => Tensor): Tensor;
  backward(root: Tensor, options: BackwardOptions): void;
}

/** Until src/autograd is loaded, with the first operation, there is nothing to record. */
let autograd: Autograd = {
  clone: (_source, copyMemory) => copyMemory(),
  backward: () => {
    throw new LockstepError('bad-input', 'backward(): no operation has been used yet.');
  },
};

/** Called once, by src/autograd. @internal */
export function defineAutograd(room: Autograd): void {
  autograd = room;
}

/**
 * A dense array on a device.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * console.log(x.shape, x.dtype, await x.toArray()); // [2, 2] f32 [[1, 2], [3, 4]]
 */
export class Tensor {
  readonly shape: Shape;
  readonly strides: Shape;
  /** The first element's place in the memory, in elements. @internal */
  offset: number;
  readonly dtype: DType;
  /** The operation that made this tensor, where gradients flow through it. @internal */
  node: GraphNode<Tensor> | null = null;
  /** True once gradients were required of it: a parameter stays one when it is frozen. @internal */
  isParameter = false;
  /** False once the tensor has to outlive the scopes it was made in. @internal */
  scoped = true;
  /** The axis over models in front of those of `shape`, which functions inside of vmap do not see. @internal */
  models: LeadingAxis | null = null;

  #storage: Storage | undefined;
  /** True once a backward pass left this result to the program; see leftovers.ts. */
  #left = false;
  #watched = true;
  #requiresGrad = false;
  #grad: Tensor | null = null;
  #freed = '';
  #values: { data: HostArray; version: number } | undefined;

  /** @internal Takes over one reference of `storage`. */
  constructor(storage: Storage, dtype: DType, shape: Shape, strides?: Shape, offset = 0) {
    this.#storage = storage;
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.strides = Object.freeze([...(strides ?? contiguousStrides(shape))]);
    this.offset = offset;
    watch(this, storage);
    enterScope(this);
  }

  /** A dense tensor with memory of its own, whose values are not initialized. @internal */
  static empty(device: Device, shape: Shape, dtype: DType): Tensor {
    device.check();
    return new Tensor(new Storage(device, numelOf(shape) * BYTES_PER_ELEMENT), dtype, shape);
  }

  /** Number of elements. */
  get numel(): number {
    return numelOf(this.shape);
  }

  /** The memory that this tensor refers to. @internal */
  get storage(): Storage {
    if (this.models) {
      throw new LockstepError(
        'unsupported',
        `A tensor ${showShape(this.shape)} that stands for ${this.models.extent} models at once (nn.stack, vmap) was used by ` +
          'something else than an operation of this library. Its values are known once the function has returned.',
      );
    }
    return this.#memory();
  }

  #memory(): Storage {
    if (this.#storage && !this.#storage.memory.reclaimed) return this.#storage;
    throw new LockstepError(
      'disposed',
      `A tensor ${showShape(this.shape)} ${this.dtype} was used after it was freed ` +
        (this.#storage ? RECLAIMED : this.#freed),
    );
  }

  get device(): Device {
    return this.#memory().device;
  }

  get disposed(): boolean {
    return this.#storage === undefined || this.#storage.memory.reclaimed;
  }

  /** True when the elements lie row-major without gaps. */
  get contiguous(): boolean {
    return isContiguous(this.shape, this.strides);
  }

  /** True for tensors that no differentiable operation made. */
  get isLeaf(): boolean {
    return this.node === null;
  }

  /** Whether `backward` computes gradients through this tensor. Only leaves of dtype f32 can be changed. */
  get requiresGrad(): boolean {
    return this.#requiresGrad || this.node !== null;
  }

  set requiresGrad(on: boolean) {
    if (this.node) {
      if (on) return;
      throw new LockstepError(
        'bad-input',
        'You can only change requiresGrad flags of leaf tensors; use detach().',
      );
    }
    if (on && this.dtype !== 'f32') {
      throw new LockstepError(
        'bad-input',
        `Only tensors of dtype f32 can require gradients, not ${this.dtype}.`,
      );
    }
    this.#requiresGrad = on;
    if (on) this.isParameter = true;
  }

  /**
   * The gradient that `backward` accumulated; null before. Only leaves get one. What a program puts here has this tensor's shape
   * and is f32.
   */
  get grad(): Tensor | null {
    return this.#grad;
  }

  set grad(gradient: Tensor | null) {
    if (gradient !== null) {
      const fits = `null or an f32 tensor ${showShape(this.shape)} fits, as the tensor is`;
      if (!(gradient instanceof Tensor)) throw badArgument('grad', 'the gradient', gradient, fits);
      if (gradient.dtype !== 'f32' || !sameShape(gradient.shape, this.shape)) {
        const what = `${gradient.dtype} ${showShape(gradient.shape)}`;
        throw new LockstepError('bad-input', `grad: the gradient is ${what}; ${fits}.`);
      }
    }
    this.#grad = gradient;
  }

  /** Another tensor over the same memory. @internal */
  view(shape: Shape, strides: Shape, offset: number = this.offset): Tensor {
    return new Tensor(this.storage.retain(), this.dtype, shape, strides, offset);
  }

  /** The same values outside of any graph. Both tensors share the memory; each is disposed separately. */
  detach(): Tensor {
    const memory = this.#memory().retain();
    const same = new Tensor(memory, this.dtype, this.shape, this.strides, this.offset);
    same.models = this.models;
    return same;
  }

  /** The same tensor with the axis over models shown, where it has one. @internal */
  whole(): Tensor {
    const { models, shape, strides } = this;
    if (!models) return this;
    const memory = this.#memory().retain();
    const whole = new Tensor(
      memory,
      this.dtype,
      [models.extent, ...shape],
      [models.stride, ...strides],
      this.offset,
    );
    whole.node = this.node;
    return whole;
  }

  /** Makes the first axis the one over models. @internal */
  hideModels(): void {
    const [extent, ...shape] = this.shape;
    const [stride, ...strides] = this.strides;
    this.#reshape(shape, strides, { extent, stride });
  }

  /** Shows the axis over models again, as the first one. @internal */
  showModels(): void {
    const { models, shape, strides } = this;
    if (models) this.#reshape([models.extent, ...shape], [models.stride, ...strides], null);
  }

  #reshape(shape: Shape, strides: Shape, models: LeadingAxis | null): void {
    Object.assign(this, { shape: Object.freeze(shape), strides: Object.freeze(strides), models });
  }

  /**
   * A dense copy of the values in memory of its own. Gradients flow through it to this tensor; `detach().clone()` is a
   * copy outside of any graph.
   */
  clone(): Tensor {
    return autograd.clone(this, () => {
      const { buffer, device } = this.storage;
      const { first, count } = this.span();
      const copy = Tensor.empty(device, this.shape, this.dtype);
      const at = first * BYTES_PER_ELEMENT;
      device.commands.copy(buffer, at, copy.storage.buffer, 0, count * BYTES_PER_ELEMENT);
      return copy;
    });
  }

  /** The elements of memory that this tensor reaches: from `first`, `count` of them. @internal */
  span(): { first: number; count: number } {
    if (this.numel === 0) return { first: this.offset, count: 0 };
    const last = this.shape.reduce((at, extent, axis) => at + (extent - 1) * this.strides[axis], this.offset);
    return { first: this.offset, count: last - this.offset + 1 };
  }

  /**
   * The elements, row-major, as a typed array: Float32Array, Int32Array, or Uint32Array (u32; bool as 0 and 1).
   * Submits the recorded commands and waits for them.
   */
  async data(options: WaitOptions = {}): Promise<HostArray> {
    const { buffer, device, version } = this.storage;
    const { first, count } = this.span();
    const bytes = await device.read(buffer, first * BYTES_PER_ELEMENT, count * BYTES_PER_ELEMENT, options);
    const span = hostArray(this.dtype, bytes);
    const values = this.contiguous
      ? span
      : gathered(span, this.dtype, this.shape, this.strides, this.offset - first);
    if (values.length <= REMEMBERED) this.#values = { data: values, version };
    return values.slice();
  }

  /** The one element of a tensor with one element; a bool as 0 or 1. */
  async item(options: WaitOptions = {}): Promise<number> {
    if (this.numel !== 1) {
      throw new LockstepError(
        'bad-input',
        `item(): a tensor with ${this.numel} elements, shape ${showShape(this.shape)}, cannot become one number; ` +
          'use data() or toArray().',
      );
    }
    return (await this.data(options))[0];
  }

  /** The elements as nested lists, a number for a scalar; booleans for dtype bool. */
  async toArray(options: WaitOptions = {}): Promise<NestedArray> {
    return nested(await this.data(options), this.shape, this.dtype);
  }

  /**
   * Computes the gradients of this tensor by every leaf that requires them, and adds them to the leaves' `grad`.
   * The graph is freed. Results that you still hold keep their values, even when their parameters change. Other results are
   * freed at once, or by finalizers, which run when the program awaits something. In a program that never awaits, the oldest
   * results are freed once more than 512 MB have piled up; using one of them then throws an error.
   *
   * @example
   * const w = tensor([1, 2, 3], { requiresGrad: true });
   * sum(mul(w, w)).backward();
   * console.log(await w.grad!.toArray()); // [2, 4, 6]
   */
  backward(options: BackwardOptions = {}): void {
    checkOptionNames('backward()', options, ['gradient', 'retainGraph']);
    const { gradient, retainGraph } = options;
    if (gradient !== undefined && !(gradient instanceof Tensor)) {
      throw badArgument('backward()', 'the gradient', gradient, 'a tensor of the same shape fits');
    }
    if (retainGraph !== undefined) checkBoolean('backward()', 'retainGraph', retainGraph);
    this.storage.device.check();
    autograd.backward(this, options);
  }

  /** Frees this tensor. Its memory is reused once no other tensor looks into it. A second call does nothing. */
  dispose(): void {
    this.release('by dispose().');
  }

  /** As dispose, with the reason that later errors give. @internal */
  release(reason: string): void {
    const storage = this.#storage;
    if (!storage) return;
    this.#storage = undefined;
    this.#values = undefined;
    const from = debugging
      ? `\n${new Error().stack?.split('\n').slice(2).join('\n')}`
      : ' (setDebug(true) tells where.)';
    this.#freed = reason + from;
    if (this.#watched) unwatch(this);
    if (this.#left) storage.left--;
    storage.release();
  }

  /**
   * Moves this tensor to other memory with the same values. Takes over one reference. With `watched: false`, the memory is not
   * released when this tensor is collected. @internal
   */
  relocate(storage: Storage, offset: number, { watched = true } = {}): void {
    const old = this.storage;
    if (this.#watched) unwatch(this);
    this.#storage = storage;
    this.offset = offset;
    this.#watched = watched;
    if (watched) watch(this, storage);
    old.release();
  }

  /** Marks this as a result that a backward pass left to the program; see leftovers.ts. @internal */
  leave(): void {
    if (this.#left) return;
    const { storage } = this;
    this.#left = true;
    storage.left++;
    if (!this.#watched) return;
    unwatch(this);
    watch(this, {
      release: () => {
        storage.left--;
        storage.release();
      },
    });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    if (!this.#storage) return formatTensor(this.shape, this.dtype, ['disposed']);
    const { description, device } = this.device.info;
    const notes = [`on ${device || description || 'the device'}`];
    if (this.node) notes.push(`made by ${this.node.name}`);
    else if (this.#requiresGrad) notes.push('requires grad');
    const known = this.#values?.version === this.#storage.version ? this.#values.data : undefined;
    return formatTensor(this.shape, this.dtype, notes, known);
  }

  /** How Node's console prints it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
