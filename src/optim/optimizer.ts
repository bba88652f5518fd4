/**
 * The base of optimizers: parameter groups, gradients, and the state of each parameter on the device.
 */
import { noGrad } from '../autograd/record.js';
import { filled } from '../kernels/elementwise.js';
import { LockstepError } from '../platform/errors.js';
import { outlive } from '../tensor/scope.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** Parameters that share settings; what a group leaves out comes from the optimizer's. */
export type ParamGroup<Settings> = Partial<Settings> & { params: readonly Tensor[] };

/** A parameter's step count and its tensors, such as the moments. */
export interface ParamState {
  step: number;
  tensors: Record<string, Tensor>;
}

/** What {@link Optimizer.stateDict} gives: plain numbers, and tensors by name, for a safetensors file. */
export interface OptimizerState<Settings> {
  groups: Settings[];
  steps: number[];
  /** `0.mean`, …: the parameter's place over all groups, and the state's name. */
  tensors: Record<string, Tensor>;
}

/** Learning rates are settings that schedules change. */
export interface CommonSettings {
  /** Learning rate. */
  lr: number;
}

export abstract class Optimizer<Settings extends CommonSettings = CommonSettings> {
  /** The groups; settings such as `lr` may be changed between steps. */
  readonly groups: (Settings & { params: readonly Tensor[] })[];
  readonly #states = new Map<Tensor, ParamState>();

  constructor(params: readonly Tensor[] | readonly ParamGroup<Settings>[], defaults: Settings) {
    const groups = isTensors(params) ? [{ params } as ParamGroup<Settings>] : params;
    this.groups = groups.map((group) => ({ ...defaults, ...group }));
    const seen = new Set<Tensor>();
    for (const group of this.groups) {
      this.check(group);
      for (const tensor of group.params) {
        if (!tensor.isLeaf || !tensor.isParameter || !tensor.contiguous || seen.has(tensor)) {
          throw new LockstepError(
            'bad-input',
            `${this.constructor.name}: a parameter ${showShape(tensor.shape)} ${
              seen.has(tensor) ? 'is listed twice' : 'is not a dense leaf tensor that requires gradients'
            }.`,
          );
        }
        seen.add(tensor);
      }
    }
    if (seen.size === 0) throw new LockstepError('bad-input', `${this.constructor.name}: got no parameters.`);
  }

  /** Throws for settings that make no sense. */
  protected abstract check(settings: Settings): void;

  /** Updates one parameter in place. */
  protected abstract update(parameter: Tensor, gradient: Tensor, state: ParamState, settings: Settings): void;

  /** Every parameter's gradient becomes null and is freed. */
  zeroGrad(): void {
    for (const parameter of this.#parameters()) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** Updates every parameter that has a gradient. */
  step(): void {
    for (const group of this.groups) {
      for (const parameter of group.params) {
        const { grad } = parameter;
        if (!grad) continue;
        const state = this.#stateOf(parameter);
        state.step++;
        this.update(parameter, grad, state, group);
      }
    }
  }

  #parameters(): Tensor[] {
    return this.groups.flatMap(({ params }) => params);
  }

  #stateOf(parameter: Tensor): ParamState {
    let state = this.#states.get(parameter);
    if (!state) {
      state = { step: 0, tensors: {} };
      this.#states.set(parameter, state);
    }
    return state;
  }

  /** A state's tensor; zeros of the parameter's shape when it is new. */
  protected stateTensor(state: ParamState, name: string, parameter: Tensor): Tensor {
    let tensor = state.tensors[name];
    if (!tensor) {
      tensor = filled(parameter.device, parameter.shape, 0);
      outlive(tensor);
      state.tensors[name] = tensor;
    }
    return tensor;
  }

  /** The settings, step counts and state tensors. The tensors are the optimizer's own: clone() what has to last. */
  stateDict(): OptimizerState<Settings> {
    const states = this.#parameters().map((parameter) => this.#states.get(parameter));
    return {
      groups: this.groups.map(({ params: _params, ...settings }) => settings as unknown as Settings),
      steps: states.map((state) => state?.step ?? 0),
      tensors: Object.fromEntries(
        states.flatMap((state, i) =>
          Object.entries(state?.tensors ?? {}).map(([name, tensor]) => [`${i}.${name}`, tensor]),
        ),
      ),
    };
  }

  /** Takes over what {@link stateDict} gave for the same parameters; the tensors are copied. */
  loadStateDict(state: OptimizerState<Settings>): void {
    const parameters = this.#parameters();
    const entries = Object.entries(state.tensors).map(([name, tensor]) => {
      const dot = name.indexOf('.');
      return { parameter: parameters[Number(name.slice(0, dot))], name: name.slice(dot + 1), tensor };
    });
    const fits =
      state.groups.length === this.groups.length &&
      this.groups.every(({ params: _, ...own }, i) => sameKeys(own, state.groups[i])) &&
      state.steps.length === parameters.length &&
      entries.every(({ parameter, tensor }) => parameter && sameShape(parameter.shape, tensor.shape));
    if (!fits) {
      throw new LockstepError(
        'bad-input',
        `${this.constructor.name}.loadStateDict: the state is of another optimizer, or of other groups or ` +
          `parameters than these ${parameters.length}.`,
      );
    }
    this.groups.forEach((group, i) => {
      Object.assign(group, state.groups[i]);
    });
    this.#freeState();
    parameters.forEach((parameter, i) => {
      if (state.steps[i] > 0) this.#stateOf(parameter).step = state.steps[i];
    });
    for (const { parameter, name, tensor } of entries) {
      const copy = noGrad(() => tensor.clone());
      outlive(copy);
      this.#stateOf(parameter).tensors[name] = copy;
    }
  }

  #freeState(): void {
    for (const { tensors } of this.#states.values())
      for (const tensor of Object.values(tensors)) tensor.dispose();
    this.#states.clear();
  }

  /** Frees the state; parameters and gradients stay. */
  dispose(): void {
    this.#freeState();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const sameKeys = (a: object, b: object): boolean =>
  Object.keys(a).sort().join() === Object.keys(b).sort().join();

function isTensors<S>(params: readonly Tensor[] | readonly ParamGroup<S>[]): params is readonly Tensor[] {
  return params.every((each) => each instanceof Tensor);
}

/** Throws unless the value is a number within the bounds. */
export function checkRange(name: string, value: number, low: number, high = Infinity): void {
  if (!(value >= low && (value < high || high === Infinity))) {
    const range = high === Infinity ? `at least ${low}` : `at least ${low} and below ${high}`;
    throw new LockstepError('bad-input', `${name} is ${value}; it has to be ${range}.`);
  }
}
