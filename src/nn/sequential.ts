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
  readonly #run: (x: Tensor) => Tensor;

  constructor(run: (x: Tensor) => Tensor) {
    super();
    this.#run = run;
  }

  override forward(x: Tensor): Tensor {
    const result: unknown = this.#run(x);
    checkTensor('Sequential', `what the function ${this} gave`, result);
    return result;
  }

  override toString(): string {
    return this.#run.name || '(x) => …';
  }
}

/**
 * Modules and functions one after the other. Their parameters are named by their place: `0.weight`.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 32), tanh, new nn.Linear(32, 1), (x) => mul(x, 2));
 */
export class Sequential extends Module {
  [index: number]: Module;
  readonly #modules: readonly Module[];

  constructor(...steps: Step[]) {
    super();
    this.#modules = steps.map((step, i) => {
      if (typeof (step as Partial<Module> | null | undefined)?.forward === 'function')
        return step as unknown as Module;
      if (typeof step === 'function') return new Call(step);
      const fits =
        'modules and functions fit, one after the other: new Sequential(a, b), of a list new Sequential(...list)';
      throw badArgument('Sequential', `the module ${i}`, step, fits);
    });
    this.#modules.forEach((module, i) => {
      this[i] = module;
    });
  }

  override get length(): number {
    return this.#modules.length;
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

/**
 * True where a module's forward function is one of this library's: they keep neither input nor result. The forward function
 * of a user's subclass may.
 */
function keepsNothing(module: Module): boolean {
  let owner: object | null = module;
  while (owner && !Object.hasOwn(owner, 'forward')) owner = Object.getPrototypeOf(owner);
  return owner !== null && Object.hasOwn(owner, 'keepsNothing') && Reflect.get(owner, 'keepsNothing', module);
}
