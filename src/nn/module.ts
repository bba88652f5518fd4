/**
 * The base class of layers and models. It makes them callable, finds the parameters in their properties, and saves and loads
 * them.
 */
import { copy_ } from '../autograd/ops/in-place.js';
import { noGrad } from '../autograd/record.js';
import type { HostStateDict } from '../network/network.js';
import { checkBoolean } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import { tensor } from '../tensor/create.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { isHostValue } from './stack-state.js';

/** Tensors by the names that PyTorch would give them: `0.weight`. */
export type StateDict = Record<string, Tensor>;

/** A module is called as its `forward`. */
export interface Module {
  // biome-ignore lint/style/useShorthandFunctionType: a type would not merge with the class.
  (...inputs: Parameters<this['forward']>): ReturnType<this['forward']>;
}

/** The modules that act as in use, not as in training. Kept here, as a property of a module could clash with a user's. */
const inUse = new WeakSet<Module>();

/**
 * A layer or a model: a function, `model(x)`, with parameters. Tensors made with `requiresGrad` and modules among its
 * properties, and in lists there, are its parameters; they stay so when `requiresGrad` is switched off to freeze them.
 *
 * @example
 * class Residual extends nn.Module {
 *   inner = new nn.Linear(16, 16);
 *   forward(x: Tensor): Tensor {
 *     return add(x, relu(this.inner(x)));
 *   }
 * }
 * const y = new Residual()(x);
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see the interface above.
export abstract class Module {
  constructor() {
    const call = (...inputs: Tensor[]): Tensor => (call as unknown as Module).forward(...inputs);
    // A function's own name and length would be in the way of properties with these names.
    for (const key of ['name', 'length']) Reflect.deleteProperty(call, key);
    // biome-ignore lint/correctness/noConstructorReturn: what a constructor returns is `this` of the subclasses.
    return Object.setPrototypeOf(call, new.target.prototype) as this;
  }

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

  /** Whether layers like Dropout act as in training; {@link Module.train} and {@link Module.eval} switch it. */
  get training(): boolean {
    return !inUse.has(this);
  }

  /** Makes this module and those inside act as in training, as new modules do: Dropout drops. Returns the module. */
  train(training = true): this {
    checkBoolean('train', 'the argument', training);
    for (const module of modulesIn(this)) switchTraining(module, training);
    return this;
  }

  /** Makes this module and those inside act as in use: Dropout does nothing. Returns the module. */
  eval(): this {
    return this.train(false);
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
   * @param state A value for each parameter, by name, of its shape: a tensor of its dtype and device, or numbers on the host,
   * `{ data: Float32Array, shape }`, as `weights()` of a finished run of `trainLockstep` and `nn.stackStateDicts` give them.
   * @throws LockstepError `bad-input` that lists all missing and unknown names and all values that do not fit. Nothing is
   * changed then.
   * @example
   * model.loadStateDict(await event.weights()); // of a run that was trained in lockstep
   */
  loadStateDict(state: Readonly<Record<string, Tensor | HostStateDict[string]>>): void {
    const own = this.namedParameters();
    checkState(state, own);
    noGrad(() => {
      const sources = valuesFor(own, state);
      for (const [i, [name, parameter]] of own.entries()) {
        copy_(parameter, sources[i]);
        if (sources[i] !== state[name]) sources[i].dispose();
      }
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

  /** The modules inside, by name, and shapes of parameters: `Linear(weight [32, 2], bias [32])`. */
  toString(): string {
    const inside = Object.entries(this).flatMap(([key, value]) => {
      if (value instanceof Module) return [`(${key}): ${value}`];
      return value instanceof Tensor && value.isParameter ? [`${key} ${showShape(value.shape)}`] : [];
    });
    const name = this.constructor.name;
    if (!inside.some((text) => text.startsWith('('))) return `${name}(${inside.join(', ')})`;
    return `${name}(\n${inside.join('\n').replaceAll(/^/gm, '  ')}\n)`;
  }

  /** Node's console. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** {@link Module.train} of one module and none inside. @internal */
export function switchTraining(module: Module, training: boolean): void {
  if (training) inUse.delete(module);
  else inUse.add(module);
}

/** A module and all inside of it. */
function modulesIn(value: unknown, found = new Set<Module>()): Set<Module> {
  if (value instanceof Module ? found.has(value) : !Array.isArray(value)) return found;
  if (value instanceof Module) found.add(value);
  for (const inner of Object.values(value as object)) modulesIn(inner, found);
  return found;
}

function collect(value: unknown, name: string, found: Map<Tensor, string>): void {
  if (value instanceof Tensor) {
    if (value.isParameter && !found.has(value)) found.set(value, name);
  } else if (value instanceof Module || Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) collect(inner, name ? `${name}.${key}` : key, found);
  }
}

function checkState(state: unknown, own: readonly [string, Tensor][]): void {
  if (typeof state !== 'object' || state === null || Array.isArray(state) || state instanceof Map) {
    const fits =
      'give tensors by name, as stateDict() and nn.loadSafetensors() do, or what weights() of a finish event gives';
    throw new LockstepError('bad-input', `loadStateDict: got ${showKind(state)}; ${fits}.`);
  }
  // Own properties only: `toString` of Object is not a value for a parameter of that name.
  const given = new Map(Object.entries(state));
  const names = new Set(own.map(([name]) => name));
  const problems = [
    ...own.filter(([name]) => given.get(name) === undefined).map(([name]) => `${printable(name)} is missing`),
    ...[...given.keys()]
      .filter((name) => !names.has(name))
      .map((name) => `${printable(name)} is not a parameter`),
    ...own
      .filter(([name]) => given.get(name) !== undefined)
      .flatMap(([name, parameter]) =>
        misfits(given.get(name), parameter).map((what) => `${printable(name)} is ${what}`),
      ),
  ];
  if (problems.length > 0) throw new LockstepError('bad-input', `loadStateDict: ${problems.join('; ')}.`);
}

/** The reasons why a value cannot be copied into a parameter. */
function misfits(value: unknown, parameter: Tensor): string[] {
  const given = value instanceof Tensor ? value : undefined;
  if (!given && !isHostValue(value))
    return [`${showKind(value)}, not a tensor or { data: Float32Array, shape }`];
  const { shape, dtype = 'f32' } = value as Tensor;
  const what: string[] = [];
  if (!sameShape(shape, parameter.shape)) what.push(`${showShape(shape)}, not ${showShape(parameter.shape)}`);
  if (dtype !== parameter.dtype) what.push(`${dtype}, not ${parameter.dtype}`);
  if (parameter.disposed || given?.disposed) what.push(`freed${given?.disposed ? '' : ' in this module'}`);
  else if (given && given.device !== parameter.device) what.push('on another device');
  return what;
}

/** The values to copy. A value that lies in the memory of another parameter is cloned, as it could be overwritten first. */
function valuesFor(
  own: readonly [string, Tensor][],
  state: Readonly<Record<string, Tensor | HostStateDict[string]>>,
): Tensor[] {
  const memory = new Set(own.map(([, parameter]) => parameter.storage));
  return own.map(([name, parameter]) => {
    const value = state[name];
    if (!(value instanceof Tensor))
      return tensor(value.data, { shape: value.shape, device: parameter.device });
    return value.storage !== parameter.storage && memory.has(value.storage) ? value.clone() : value;
  });
}
