/**
 * The base of layers and models: finds parameters in properties, saves and loads them.
 */
import { copy_ } from '../autograd/ops/in-place.js';
import { noGrad } from '../autograd/record.js';
import { LockstepError } from '../platform/errors.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** Tensors by the names that PyTorch would give them: `0.weight`. */
export type StateDict = Record<string, Tensor>;

/**
 * A layer or a model. Tensors made with `requiresGrad` and modules among its properties, and in lists there, are its
 * parameters; they stay so when `requiresGrad` is switched off to freeze them.
 *
 * @example
 * class Residual extends nn.Module {
 *   inner = new nn.Linear(16, 16);
 *   forward(x: Tensor): Tensor {
 *     return add(x, relu(this.inner.forward(x)));
 *   }
 * }
 */
export abstract class Module {
  abstract forward(...inputs: Tensor[]): Tensor;

  /** Parameters with their names, in the order of the properties. A tensor found twice counts once. */
  namedParameters(): [string, Tensor][] {
    const found = new Map<Tensor, string>();
    collect(this, '', found);
    return [...found].map(([tensor, name]) => [name, tensor]);
  }

  /** The parameters, for an optimizer. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor);
  }

  /** Sets every parameter's gradient to null, and frees it. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** The parameters by name, outside of any graph. They share the parameters' memory: clone() what has to last. */
  stateDict(): StateDict {
    return Object.fromEntries(this.namedParameters().map(([name, tensor]) => [name, tensor.detach()]));
  }

  /**
   * Copies values into the parameters.
   *
   * @throws LockstepError `bad-input` when names, shapes or dtypes do not fit; then nothing has been changed.
   */
  loadStateDict(state: Readonly<StateDict>): void {
    const own = this.namedParameters();
    const names = new Set(own.map(([name]) => name));
    const problems = [
      ...own.filter(([name]) => !state[name]).map(([name]) => `${name} is missing`),
      ...Object.keys(state)
        .filter((name) => !names.has(name))
        .map((name) => `${name} is not a parameter`),
      ...own
        .filter(([name, { shape }]) => state[name] && !sameShape(state[name].shape, shape))
        .map(([name, { shape }]) => `${name} is ${showShape(state[name].shape)}, not ${showShape(shape)}`),
      ...own
        .filter(([name, { dtype }]) => state[name] && state[name].dtype !== dtype)
        .map(([name, { dtype }]) => `${name} is ${state[name].dtype}, not ${dtype}`),
    ];
    if (problems.length > 0) throw new LockstepError('bad-input', `loadStateDict: ${problems.join('; ')}.`);
    noGrad(() => {
      for (const [name, parameter] of own) copy_(parameter, state[name]);
    });
  }

  /** Frees the parameters and their gradients. */
  dispose(): void {
    this.zeroGrad();
    for (const parameter of this.parameters()) parameter.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function collect(value: unknown, name: string, found: Map<Tensor, string>): void {
  if (value instanceof Tensor) {
    if (value.isParameter && !found.has(value)) found.set(value, name);
  } else if (value instanceof Module || Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) collect(inner, name ? `${name}.${key}` : key, found);
  }
}
