/** Modules that are applied one after the other. */

import type { DescribedNetwork } from '../network/network.js';
import { badArgument } from '../platform/arguments.js';
import { checkTensor } from '../tensor/check-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { describeLayers } from './describe.js';
import { Module } from './module.js';

/** What a {@link Sequential} is made of: a module of one input, or a function. */
export type Step = (x: Tensor) => Tensor;

/** A function among modules. */
class Call extends Module {
  /** A property that is seen, so that nn.stack can compare it between models. */
  readonly run: (x: Tensor) => Tensor;

  constructor(run: (x: Tensor) => Tensor) {
    super();
    this.run = run;
  }

  override forward(x: Tensor): Tensor {
    const result: unknown = this.run(x);
    checkTensor('Sequential', `what the function ${this} gave`, result);
    return result;
  }

  override toString(): string {
    return this.run.name || '(x) => …';
  }
}

/**
 * Modules and functions one after the other. Their parameters are named by their place: `0.weight`. `model[2]` is the
 * third of them, and may be replaced by another module.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 32), tanh, new nn.Linear(32, 1), (x) => mul(x, 2));
 */
export class Sequential extends Module {
  [index: number]: Module;
  readonly #length: number;

  constructor(...steps: Step[]) {
    super();
    this.#length = steps.length;
    steps.forEach((step, i) => {
      if (isModule(step)) this[i] = step;
      else if (typeof step === 'function') this[i] = new Call(step);
      else {
        const fits =
          'modules and functions fit, one after the other: new Sequential(a, b), of a list new Sequential(...list)';
        throw badArgument('Sequential', `the module ${i}`, step, fits);
      }
    });
  }

  override get length(): number {
    return this.#length;
  }

  /** The modules that stand at the places now: `model[2] = new nn.Linear(8, 3)` gives a trained model another last layer. */
  get #modules(): readonly Module[] {
    return Array.from({ length: this.#length }, (_, i) => {
      const module: unknown = this[i];
      if (isModule(module)) return module;
      throw badArgument('Sequential', `the module ${i}`, module, 'a module fits in the place of another');
    });
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return this.#modules.every(keepsNothing);
  }

  /**
   * What {@link trainLockstep} makes of it: its dense layers with their places and their weights. Runs in lockstep that
   * give `model: () => new nn.Sequential(…)` are described by it.
   *
   * @throws LockstepError `bad-input` naming the module that is neither a Linear layer nor an activation after one.
   */
  describe(): DescribedNetwork {
    return describeLayers(this.#modules, this);
  }

  override forward(x: Tensor): Tensor {
    let value = x;
    let ours = false;
    for (const module of this.#modules) {
      const keeps = !keepsNothing(module);
      let next: Tensor | undefined;
      try {
        next = module.forward(value);
      } finally {
        // Between two modules that keep no tensors, the intermediate result can be freed: the graph has saved what it needs.
        if (ours && !keeps && next !== value) value.dispose();
      }
      ours = !keeps && (ours || next !== value);
      value = next;
    }
    return value;
  }
}

const isModule = (value: unknown): value is Module =>
  typeof (value as Partial<Module> | null | undefined)?.forward === 'function';

/**
 * True where a module's forward function is one of this library's: they keep neither input nor result. The forward function
 * of a user's subclass may.
 */
function keepsNothing(module: Module): boolean {
  let owner: object | null = module;
  while (owner && !Object.hasOwn(owner, 'forward')) owner = Object.getPrototypeOf(owner);
  return owner !== null && Object.hasOwn(owner, 'keepsNothing') && Reflect.get(owner, 'keepsNothing', module);
}
