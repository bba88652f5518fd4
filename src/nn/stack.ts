/** Many models of one kind as one module, whose operations run once for all of them. */
import { asModels, mapModels } from '../autograd/vmap.js';
import { badArgument, checkFunction, checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { outlive } from '../tensor/scope.js';
import { numelOf, showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { Module, switchTraining } from './module.js';
import { withSiblings } from './siblings.js';
import { type CommonParts, commonParts, type Place, tensorAt } from './stack-parts.js';

const BYTES = 4;

/** The tensors of the models, one after the other. */
function stacked(tensors: readonly Tensor[]): Tensor {
  const [{ shape, dtype, device, requiresGrad, isParameter }] = tensors;
  const whole = Tensor.empty(device, [tensors.length, ...shape], dtype);
  const bytes = BYTES * numelOf(shape);
  tensors.forEach((tensor, k) => {
    const dense = tensor.contiguous ? tensor : tensor.detach().clone();
    const { buffer } = dense.storage;
    if (bytes > 0) {
      device.commands.copy(buffer, dense.offset * BYTES, whole.storage.buffer, k * bytes, bytes);
    }
    if (dense !== tensor) dense.dispose();
  });
  return asItWas(whole, requiresGrad, isParameter);
}

/** Marks a tensor as the parameter that another one was. */
function asItWas(tensor: Tensor, requiresGrad: boolean, isParameter: boolean): Tensor {
  if (isParameter) tensor.requiresGrad = true;
  tensor.requiresGrad = requiresGrad;
  outlive(tensor);
  return tensor;
}

/** Puts a tensor where the model holds it. */
function put({ holder, key, path }: Place, tensor: Tensor): void {
  if (!Reflect.set(holder, key, tensor)) {
    throw new LockstepError(
      'bad-input',
      `nn.stack: the property '${path}' cannot be set; its object is frozen.`,
    );
  }
}

/**
 * What {@link stack} makes: a module whose parameters have an axis over the models in front. It is called with inputs that all
 * models share, and gives every model's result: [models, ...].
 */
export class Stacked<M extends Module = Module> extends Module {
  readonly #models: readonly M[];
  readonly #parts: CommonParts;
  /** The stacked tensor of each place; one at several places is stacked once. */
  readonly #tensors: readonly Tensor[];
  /** How the modules of the first model act here. Once it was taken out by unstack, its own state is the caller's. */
  readonly #training: Map<Module, boolean>;

  /** @internal */
  constructor(models: readonly M[]) {
    super();
    this.#models = models;
    this.#parts = commonParts(models);
    const made = new Map<Tensor, Tensor>();
    const { places } = this.#parts;
    this.#tensors = places.map((each) => {
      const first = tensorAt(each[0]);
      const whole = made.get(first) ?? stacked(each.map(tensorAt));
      if (!made.has(first) && whole.isParameter) this.#keep(each[0].path, whole);
      made.set(first, whole);
      return whole;
    });
    for (const each of places) for (const place of each) tensorAt(place).dispose();
    this.#training = new Map([...this.#parts.siblings.keys()].map((module) => [module, module.training]));
  }

  /** Parameters are properties, so that they are found as those of every module. */
  #keep(path: string, parameter: Tensor): void {
    if (path in this) {
      throw new LockstepError(
        'bad-input',
        `nn.stack: a parameter cannot be called '${path}': stacked modules have it.`,
      );
    }
    (this as unknown as Record<string, Tensor>)[path] = parameter;
  }

  /** How many models there are. */
  get models(): number {
    return this.#models.length;
  }

  /** Every model's result for inputs that all of them share: [models, ...]. */
  override forward(...inputs: Tensor[]): Tensor {
    return this.#run(inputs, false);
  }

  /**
   * Every model's result for an input of its own.
   *
   * @param inputs With an axis over the models in front: [models, ...].
   */
  each(...inputs: Tensor[]): Tensor {
    inputs.forEach((input, i) => {
      if (input instanceof Tensor && input.shape[0] === this.models) return;
      const fits = `a tensor fits, whose first axis is over the ${this.models} models`;
      const what = input instanceof Tensor ? showShape(input.shape) : input;
      throw badArgument('Stacked.each', `input ${i}`, what, fits);
    });
    return this.#run(inputs, true);
  }

  #run(inputs: readonly Tensor[], own: boolean): Tensor {
    const { places, siblings } = this.#parts;
    const [model] = this.#models;
    return mapModels('nn.stack', this.models, () => {
      const hidden = new Map<Tensor, Tensor>();
      const firsts = places.map(([place]) => ({ place, before: tensorAt(place) }));
      const acted = [...this.#training.keys()].map((module) => [module, module.training] as const);
      try {
        for (const [module, training] of this.#training) switchTraining(module, training);
        firsts.forEach(({ place }, i) => {
          const whole = this.#tensors[i];
          const one = hidden.get(whole) ?? asModels(whole);
          hidden.set(whole, one);
          put(place, one);
        });
        return withSiblings(siblings, () => model.forward(...(own ? inputs.map(asModels) : inputs)));
      } finally {
        for (const { place, before } of firsts) put(place, before);
        for (const [module, training] of acted) switchTraining(module, training);
      }
    });
  }

  /**
   * One of the models, with copies of its values as they are now: training one does not change the other, nor does its
   * eval() that of the stack. The same module each time.
   */
  unstack(k: number): M {
    checkNumber('unstack', 'the model', k, { min: 0, below: this.models, whole: true });
    const made = new Map<Tensor, Tensor>();
    this.#parts.places.forEach((each, i) => {
      const whole = this.#tensors[i];
      let copy = made.get(whole);
      if (!copy) {
        const [, ...shape] = whole.shape;
        const [stride, ...strides] = whole.strides;
        const view = whole.view(shape, strides, whole.offset + k * stride);
        copy = asItWas(view.clone(), whole.requiresGrad, whole.isParameter);
        view.dispose();
        made.set(whole, copy);
      }
      put(each[k], copy);
    });
    return this.#models[k];
  }

  override train(training = true): this {
    super.train(training);
    for (const model of this.#models) model.train(training);
    for (const module of this.#training.keys()) this.#training.set(module, training);
    return this;
  }

  override dispose(): void {
    super.dispose();
    for (const tensor of this.#tensors) tensor.dispose();
  }
}

/**
 * Stacks models: a module whose parameters have an axis over the models in front, and whose operations run once for all of
 * them. Any module made of this library's operations fits, your own too; its `forward` is written for one model. An optimizer
 * takes lists as settings, a number for each model. The slow, general road beside {@link trainLockstep}.
 *
 * The state dict has the names of one model's, and tensors as `torch.func.stack_module_state` stacks them.
 *
 * @param models How many.
 * @param make Makes model k: draw its initial weights from a generator of its own to have those of that seed in PyTorch.
 * @throws LockstepError `bad-input` where models differ in more than the values of their tensors, as far as their properties,
 * lists and plain objects tell: all run the functions of the first, with what these have captured. `unsupported`, when it is
 * called, from operations that cannot run for several models at once.
 * @example
 * const model = nn.stack(64, (k) => new Net({ generator: new Generator(k) }));
 * const optimizer = new optim.AdamW(model.parameters(), { lr: Array.from({ length: 64 }, (_, k) => 10 ** (-1 - k / 32)) });
 * const losses = vmap(crossEntropy, { inAxes: [0, null] })(model(x), y); // [64]
 * sum(losses).backward();
 * optimizer.step();
 * const best = model.unstack(3);
 */
export function stack<M extends Module>(models: number, make: (k: number) => M): Stacked<M> {
  checkNumber('nn.stack', 'the number of models', models, { min: 1, whole: true });
  checkFunction('nn.stack', 'the second argument', make, '(k) => new nn.Linear(2, 2)');
  const made = Array.from({ length: models }, (_, k) => {
    const model: unknown = make(k);
    if (!(model instanceof Module)) throw badArgument('nn.stack', `model ${k}`, model, 'a module fits');
    return model as M;
  });
  if (new Set<unknown>(made).size < models) {
    throw new LockstepError(
      'bad-input',
      'nn.stack: the function gave one module twice; it has to make a new one each time.',
    );
  }
  return new Stacked(made);
}
