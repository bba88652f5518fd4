/**
 * Launches optimizer steps (shaders/tensor/optimizer.wgsl.ts), each for as many parameters as the device has bindings
 * for: two for each parameter, one for the state of all of them if it lies in one buffer, and one for settings by
 * model. All tensors are dense.
 */
import {
  adamShader,
  OPTIMIZER_WORKGROUP,
  type OptimizerBindings,
  rmspropShader,
  sgdShader,
  signShader,
} from '../../../shaders/tensor/optimizer.wgsl.js';
import type { ShaderOptions } from '../../gpu/pipelines.js';
import { upload } from '../../tensor/create.js';
import type { Tensor } from '../../tensor/tensor.js';
import { copyDense, dense } from './elementwise.js';
import { launch, Words } from './launch.js';

/** The most workgroups for a parameter; with more elements, an invocation loops over several. */
const MOST_GROUPS = 4096;
/** The most parameters in a launch, whatever the device: within 65,535 workgroups and 1 KB of words. */
const MOST_PARAMETERS = 15;

/** A setting: one number, or one for each model where a parameter's first axis is that of models. */
export type Setting = number | readonly number[];

/** The numbers that a rule computes with, or a list of them for each model. */
type Numbers = readonly number[] | readonly (readonly number[])[];

/** Makes a rule's numbers from settings; for each model if one of the settings is by model. */
function numbersOf(
  settings: readonly Setting[],
  make: (pick: (setting: Setting) => number) => number[],
): Numbers {
  const list = settings.find((setting) => typeof setting !== 'number');
  if (list === undefined) return make((setting) => setting as number);
  return list.map((_, k) => make((setting) => (typeof setting === 'number' ? setting : setting[k])));
}

/** What every rule needs of a parameter. */
interface Update {
  parameter: Tensor;
  gradient: Tensor;
}

/** A parameter's update, as a launch takes it. */
interface Item {
  parameter: Tensor;
  /** Dense, in another buffer than the parameter, and a handle of our own. */
  gradient: Tensor;
  state: readonly Tensor[];
  numbers: Numbers;
}

interface Rule {
  label: string;
  code: (bindings: OptimizerBindings) => string;
  options: ShaderOptions;
  flopsEach: number;
}

const bufferOf = (tensor: Tensor): GPUBuffer => tensor.storage.buffer;

/** The gradient in a form that a kernel can read while it writes the parameter. */
function readable({ parameter, gradient }: Update): Tensor {
  return bufferOf(gradient) === bufferOf(parameter) ? copyDense(gradient) : dense(gradient);
}

/** True if all of the state lies in one buffer, so that it takes one binding. */
function together({ state }: Item): boolean {
  return state.every((tensor) => bufferOf(tensor) === bufferOf(state[0]));
}

const isByModel = (numbers: Numbers): numbers is readonly (readonly number[])[] =>
  typeof numbers[0] !== 'number';

/**
 * True if an item can be updated in the same launch as `batch`: bindings suffice, and no buffer is written that
 * another binding uses.
 */
function fits(batch: readonly Item[], item: Item): boolean {
  const [first] = batch;
  if (first.parameter.device !== item.parameter.device || !together(first) || !together(item)) return false;
  const byModel = isByModel(item.numbers);
  if (byModel !== isByModel(first.numbers)) return false;
  const shared = item.state.length > 0 ? 1 : 0;
  if (shared === 1 && bufferOf(first.state[0]) !== bufferOf(item.state[0])) return false;
  const bindings = item.parameter.device.limits.maxStorageBuffersPerShaderStage;
  if (batch.length >= Math.min(MOST_PARAMETERS, Math.floor((bindings - shared - (byModel ? 1 : 0)) / 2)))
    return false;
  const written = bufferOf(item.parameter);
  const read = bufferOf(item.gradient);
  return batch.every(({ parameter, gradient }) => {
    const other = bufferOf(parameter);
    return other !== written && other !== read && bufferOf(gradient) !== written;
  });
}

function run({ label, code, options, flopsEach }: Rule, batch: readonly Item[]): void {
  const [{ state }] = batch;
  const shared = together(batch[0]);
  const table = tableOf(batch);
  const words = new Words();
  let groups = 0;
  let rows = 0;
  for (const item of batch) {
    const { parameter, gradient, numbers } = item;
    const own = Math.min(MOST_GROUPS, Math.ceil(parameter.numel / OPTIMIZER_WORKGROUP));
    words.u32(parameter.numel, groups, own, gradient.offset, parameter.offset);
    for (let i = 0; i < 3; i++) words.u32(item.state[i]?.offset ?? 0);
    if (isByModel(numbers)) {
      words.u32(rows, Math.max(1, parameter.numel / numbers.length), 0, 0);
      rows += numbers.length;
    } else {
      words.f32(...numbers);
      for (let length = 8 + numbers.length; length % 4 !== 0; length++) words.u32(0); // a uniform's stride
    }
    groups += own;
  }
  const bindings = { count: batch.length, together: shared, byModel: table !== undefined };
  const elements = batch.reduce((sum, { parameter }) => sum + parameter.numel, 0);
  launch({
    label,
    key: `${label} ${batch.length} ${shared} ${table !== undefined}`,
    code: () => code(bindings),
    tensors: [
      ...(shared ? state.slice(0, 1) : state),
      ...(table ? [table] : []),
      ...batch.flatMap(({ gradient, parameter }) => [gradient, parameter]),
    ],
    params: words.done(),
    grid: [groups],
    options: { ...options, ...bindings },
    flops: () => elements * flopsEach,
    // The gradient is read; parameter and state are read and written.
    bytes: () => 4 * elements * (1 + 2 * (1 + state.length)),
  });
  table?.dispose();
}

/** The settings by model of all items, a row for each model; undefined if settings are by parameter. */
function tableOf(batch: readonly Item[]): Tensor | undefined {
  if (!isByModel(batch[0].numbers)) return undefined; // a batch is of one kind
  const rows = batch.flatMap(({ numbers }) => (isByModel(numbers) ? numbers : []));
  const { device } = batch[0].parameter;
  return upload(Float32Array.from(rows.flat()), [rows.length, rows[0].length], 'f32', { device });
}

/** Puts each item into the first launch that it fits. */
function runAll(rule: Rule, items: readonly Item[]): void {
  const batches: Item[][] = [];
  for (const item of items) {
    const batch = batches.find((one) => fits(one, item));
    if (batch) batch.push(item);
    else batches.push([item]);
  }
  for (const batch of batches) run(rule, batch);
  for (const { parameter, gradient, state } of items) {
    for (const tensor of [parameter, ...state]) tensor.storage.version++;
    gradient.dispose();
  }
}

interface AdamUpdate extends Update {
  /** Running means of the gradient and of its square. */
  expAvg: Tensor;
  expAvgSq: Tensor;
  /** With amsgrad: the largest `expAvgSq` so far. */
  maxExpAvgSq?: Tensor;
  lr: Setting;
  betas: readonly [Setting, Setting];
  eps: Setting;
  weightDecay: Setting;
  /** The number of this step, from 1. */
  step: number;
}

/**
 * Updates the parameters and both moments of each. Bias corrections are computed in float64, as in PyTorch.
 * `decoupled`: the parameter itself decays (AdamW); else the decay is added to the gradient. Either all updates have
 * a `maxExpAvgSq` or none has.
 */
export function adamStep(updates: readonly AdamUpdate[], { decoupled }: { decoupled: boolean }): void {
  const items = updates.map((update): Item => {
    const { parameter, expAvg, expAvgSq, maxExpAvgSq, lr, betas, eps, weightDecay, step } = update;
    const [beta1, beta2] = betas;
    const numbers = numbersOf([lr, beta1, beta2, eps, weightDecay], (pick) => {
      const rate = pick(lr);
      const b1 = pick(beta1);
      const b2 = pick(beta2);
      const wd = pick(weightDecay);
      const decay = decoupled ? 1 - rate * wd : wd;
      return [decay, b1, 1 - b1, b2, 1 - b2, rate / (1 - b1 ** step), Math.sqrt(1 - b2 ** step), pick(eps)];
    });
    const state = maxExpAvgSq ? [expAvg, expAvgSq, maxExpAvgSq] : [expAvg, expAvgSq];
    return { parameter, gradient: readable(update), state, numbers };
  });
  const amsgrad = updates.some(({ maxExpAvgSq }) => maxExpAvgSq !== undefined);
  const rule: Rule = {
    label: `${decoupled ? 'adamw' : 'adam'}${amsgrad ? ' amsgrad' : ''}`,
    code: (bindings) => adamShader({ decoupled, amsgrad, ...bindings }),
    options: { decoupled, amsgrad },
    // Decay 1 or 2; first moment 3, second 4, parameter 6; the largest 1.
    flopsEach: (decoupled ? 1 : 2) + 13 + (amsgrad ? 1 : 0),
  };
  runAll(rule, items);
}

interface SgdUpdate extends Update {
  /** With momentum. */
  momentumBuffer?: Tensor;
  lr: Setting;
  momentum: Setting;
  dampening: Setting;
  weightDecay: Setting;
  /** True in the step in which the buffer begins, as a copy of the gradient. */
  first: boolean;
}

/**
 * Updates the parameters and, with momentum, their velocities. Either all updates have a momentum buffer or none has.
 */
export function sgdStep(updates: readonly SgdUpdate[], { nesterov }: { nesterov: boolean }): void {
  const items = updates.map((update): Item => {
    const { parameter, momentumBuffer, lr, weightDecay, momentum, dampening, first } = update;
    const numbers = numbersOf([lr, weightDecay, momentum, dampening], (pick) => {
      // A model without momentum, among others with it, takes its gradient as it is.
      const whole = first || pick(momentum) === 0;
      return [pick(lr), pick(weightDecay), pick(momentum), whole ? 1 : 1 - pick(dampening)];
    });
    return { parameter, gradient: readable(update), state: momentumBuffer ? [momentumBuffer] : [], numbers };
  });
  const momentum = updates.some(({ momentumBuffer }) => momentumBuffer !== undefined);
  const rule: Rule = {
    label: `sgd${momentum ? ' momentum' : ''}${nesterov ? ' nesterov' : ''}`,
    code: (bindings) => sgdShader({ momentum, nesterov, ...bindings }),
    options: { momentum, nesterov },
    // Decay 2, parameter 2; buffer 3, and 2 to look ahead with it.
    flopsEach: 4 + (momentum ? 3 + (nesterov ? 2 : 0) : 0),
  };
  runAll(rule, items);
}

interface RmspropUpdate extends Update {
  squareAvg: Tensor;
  /** With `centered`: the running mean of the gradient. */
  gradAvg?: Tensor;
  /** With momentum. */
  momentumBuffer?: Tensor;
  lr: Setting;
  alpha: Setting;
  eps: Setting;
  weightDecay: Setting;
  momentum: Setting;
}

/** Updates the parameters and their state, which has the same parts in all updates. */
export function rmspropStep(updates: readonly RmspropUpdate[]): void {
  const items = updates.map((update): Item => {
    const { parameter, squareAvg, gradAvg, momentumBuffer, lr, alpha, eps, weightDecay, momentum } = update;
    const numbers = numbersOf([lr, alpha, eps, weightDecay, momentum], (pick) => {
      return [pick(lr), pick(weightDecay), pick(alpha), 1 - pick(alpha), pick(eps), pick(momentum)];
    });
    const state = [squareAvg, gradAvg, momentumBuffer].filter((tensor) => tensor !== undefined);
    return { parameter, gradient: readable(update), state, numbers };
  });
  const centered = updates.some(({ gradAvg }) => gradAvg !== undefined);
  const momentum = updates.some(({ momentumBuffer }) => momentumBuffer !== undefined);
  runAll(
    {
      label: `rmsprop${centered ? ' centered' : ''}${momentum ? ' momentum' : ''}`,
      code: (bindings) => rmspropShader({ centered, momentum, ...bindings }),
      options: { centered, momentum },
      // Decay 2, square 4, step 3, parameter 2; the gradient's mean 3, and 2 to subtract its square; the buffer 2.
      flopsEach: 11 + (centered ? 5 : 0) + (momentum ? 2 : 0),
    },
    items,
  );
}

interface SignUpdate extends Update {
  /** With momentum. */
  momentumBuffer?: Tensor;
  lr: Setting;
  momentum: Setting;
  weightDecay: Setting;
}

/**
 * Updates the parameters and, with momentum, the running means of their gradients. Either all updates have one or
 * none has.
 */
export function signStep(updates: readonly SignUpdate[]): void {
  const items = updates.map((update): Item => {
    const { parameter, momentumBuffer, lr, momentum, weightDecay } = update;
    const numbers = numbersOf([lr, momentum, weightDecay], (pick) => {
      return [pick(lr), pick(weightDecay), pick(momentum), 1 - pick(momentum)];
    });
    return { parameter, gradient: readable(update), state: momentumBuffer ? [momentumBuffer] : [], numbers };
  });
  const momentum = updates.some(({ momentumBuffer }) => momentumBuffer !== undefined);
  runAll(
    {
      label: `sign-sgd${momentum ? ' momentum' : ''}`,
      code: (bindings) => signShader({ momentum, ...bindings }),
      options: { momentum },
      // Sign 1, decay 2, parameter 2; buffer 3.
      flopsEach: 5 + (momentum ? 3 : 0),
    },
    items,
  );
}
