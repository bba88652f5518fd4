/**
 * The base class of optimizers: parameter groups, steps, and the state of each parameter, which is on the device.
 */
import { copy_ } from '../autograd/ops/in-place.js';
import { noGrad } from '../autograd/record.js';
import { badArgument, checkObject, withDefaults } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { checkModels, type Setting } from './settings.js';
import { stateEntries } from './state-check.js';
import { makeState } from './state-memory.js';

/** Parameters that share settings. Settings that a group leaves out are the optimizer's. */
export type ParamGroup<Settings> = Partial<Settings> & { params: readonly Tensor[] };

/** A parameter's step count and its tensors, such as the moments. */
export interface ParamState {
  step: number;
  tensors: Record<string, Tensor>;
}

/** A parameter in a step, with the settings of its group. */
export interface ParamUpdate<Settings> {
  parameter: Tensor;
  gradient: Tensor;
  state: ParamState;
  settings: Settings;
}

/** What {@link Optimizer.stateDict} gives: plain numbers, and tensors by name, for a safetensors file. */
export interface OptimizerState<Settings> {
  groups: Settings[];
  steps: number[];
  /** `0.exp_avg`, …: the parameter's place over all groups, and PyTorch's name of the state. */
  tensors: Record<string, Tensor>;
}

/** Learning rates are settings that schedules change. */
export interface CommonSettings {
  /** Learning rate. */
  lr: Setting;
}

/** What optimizers have in common: parameters in groups, steps, and a state that can be saved. */
export abstract class Optimizer<Settings extends CommonSettings = CommonSettings> {
  /** The groups; settings such as `lr` may be changed between steps. */
  readonly groups: (Settings & { params: readonly Tensor[] })[];
  readonly #states = new Map<Tensor, ParamState>();

  readonly #known: readonly string[];

  /**
   * @param params The parameters, or groups of them with settings of their own.
   * @param defaults A value for every setting. Settings of other names are refused.
   * @param settings The caller's settings.
   */
  constructor(
    params: readonly Tensor[] | readonly ParamGroup<Settings>[],
    defaults: Settings,
    settings: Partial<Settings> = {},
  ) {
    const { name } = this.constructor;
    this.#known = Object.keys(defaults);
    checkOptionNames(name, settings, this.#known);
    const common = withDefaults(defaults, settings);
    const groups = groupsOf(name, params);
    this.groups = groups.map((group) => ({ ...withDefaults(common, group), params: group.params }));
    const seen = new Set<Tensor>();
    for (const group of this.groups) {
      this.#checkGroup(group);
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

  /** What state tensors were called in files of earlier versions, and what they are called now. @internal */
  protected get formerNames(): Readonly<Record<string, string>> {
    return {};
  }

  /** The state tensors that every parameter has which took a step; a state without them is refused. @internal */
  protected get fromFirstStep(): readonly string[] {
    return [];
  }

  /** Throws for wrong settings. Called in the constructor and in every step, as settings can be changed. */
  protected abstract check(settings: Settings): void;

  /** The settings that may be lists, with a number for each of the models stacked in a parameter, by name. */
  protected byModel(_settings: Settings): Readonly<Record<string, Setting>> {
    return {};
  }

  #checkGroup({ params, ...others }: Settings & { params: readonly Tensor[] }): void {
    checkOptionNames(this.constructor.name, others, this.#known);
    this.#checkSettings(others as unknown as Settings, params);
  }

  #checkSettings(settings: Settings, params: readonly Tensor[]): void {
    this.check(settings);
    checkModels(this.constructor.name, params, this.byModel(settings));
  }

  /** Updates parameters in place: those that have a gradient, of all groups. */
  protected abstract update(updates: readonly ParamUpdate<Settings>[]): void;

  /** Every parameter's gradient becomes null and is freed. */
  zeroGrad(): void {
    for (const parameter of this.#parameters()) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** Updates every parameter that has a gradient. */
  step(): void {
    for (const group of this.groups) this.#checkGroup(group);
    const updates = this.groups.flatMap((settings) =>
      settings.params.flatMap((parameter): ParamUpdate<Settings>[] => {
        const gradient = parameter.grad;
        return gradient ? [{ parameter, gradient, state: this.#stateOf(parameter), settings }] : [];
      }),
    );
    if (updates.length === 0) return;
    for (const { state } of updates) state.step++;
    this.update(updates);
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

  /**
   * Makes missing state tensors of these names: zeros of the parameter's shape. Those that a parameter has already move beside
   * them, as a launch takes the state of a parameter from one buffer, or each tensor from its own.
   */
  protected makeState(updates: readonly ParamUpdate<Settings>[], names: readonly string[]): void {
    const lacking = updates.filter(({ state: { tensors } }) =>
      names.some((name) => !Object.hasOwn(tensors, name)),
    );
    if (lacking.length === 0) return;
    const before = lacking.map(({ state: { tensors } }) => ({ ...tensors }));
    makeState(
      lacking.map(({ parameter, state: { tensors } }) => {
        return { parameter, tensors, names: [...new Set([...Object.keys(tensors), ...names])] };
      }),
    );
    noGrad(() => {
      before.forEach((tensors, i) => {
        for (const [name, old] of Object.entries(tensors)) {
          copy_(lacking[i].state.tensors[name], old);
          old.dispose();
        }
      });
    });
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

  /**
   * Takes over what {@link stateDict} gave for the same parameters; the tensors are copied.
   *
   * @throws LockstepError `bad-input` that names what is missing or does not fit. Nothing is changed then.
   */
  loadStateDict(state: OptimizerState<Settings>): void {
    const parameters = this.#parameters();
    const entries = stateEntries(`${this.constructor.name}.loadStateDict`, state, {
      groups: this.groups,
      parameters,
      formerNames: this.formerNames,
      fromFirstStep: this.fromFirstStep,
    });
    state.groups.forEach((settings, i) => {
      this.#checkSettings(settings, this.groups[i].params);
    });
    this.groups.forEach((group, i) => {
      Object.assign(group, state.groups[i]);
    });
    // Copy before the old tensors are freed, as the state may be this optimizer's own.
    const old = [...this.#states.values()];
    this.#states.clear();
    parameters.forEach((parameter, i) => {
      if (state.steps[i] > 0) this.#stateOf(parameter).step = state.steps[i];
    });
    makeState(
      parameters.map((parameter) => {
        const names = entries.filter((entry) => entry.parameter === parameter).map(({ name }) => name);
        return { parameter, names, tensors: names.length > 0 ? this.#stateOf(parameter).tensors : {} };
      }),
    );
    noGrad(() => {
      for (const { parameter, name, tensor } of entries)
        copy_(this.#stateOf(parameter).tensors[name], tensor);
    });
    freeAll(old);
  }

  #freeState(): void {
    freeAll(this.#states.values());
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

function freeAll(states: Iterable<ParamState>): void {
  for (const { tensors } of states) for (const tensor of Object.values(tensors)) tensor.dispose();
}

const isModule = (value: unknown): boolean =>
  typeof (value as { parameters?: unknown } | null | undefined)?.parameters === 'function';

type Params<S> = readonly Tensor[] | readonly ParamGroup<S>[];

/** The caller's parameters as groups. Throws for values that are neither tensors nor groups. */
function groupsOf<S>(name: string, params: Params<S>): readonly ParamGroup<S>[] {
  const call = `new ${name}(model.parameters())`;
  if (!Array.isArray(params)) {
    const fits = isModule(params)
      ? `give its parameters: ${call}`
      : `a list of tensors or groups fits, as ${call}`;
    throw badArgument(name, 'the first argument', params, fits);
  }
  if (params.every((each) => each instanceof Tensor)) return [{ params } as unknown as ParamGroup<S>];
  params.forEach((group, i) => {
    const what = `the group ${i}`;
    if (group instanceof Tensor) throw badArgument(name, what, group, 'tensors and groups cannot be mixed');
    if (isModule(group)) throw badArgument(name, what, group, 'give its parameters: model.parameters()');
    checkObject(name, what, group, 'a group is { params: [tensors] } with settings of its own');
    const list: unknown = (group as { params?: unknown }).params;
    if (!Array.isArray(list) || !list.every((each) => each instanceof Tensor)) {
      throw badArgument(name, `${what}'s params`, list, 'a list of tensors fits, as layer.parameters()');
    }
  });
  return params;
}
