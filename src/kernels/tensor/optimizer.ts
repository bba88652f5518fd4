/**
 * Launches optimizer steps (shaders/tensor/optimizer.wgsl.ts), over as many parameters at once as the device has bindings
 * for: two a parameter, one for the state of all of them where it lies in one memory, and one for settings by model. All
 * tensors are dense.
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

/** More workgroups a parameter than this loop over several elements an invocation. */
const MOST_GROUPS = 4096;
/** Parameters a launch, whatever the device has: these are within 65,535 workgroups and 1 KB of words. */
const MOST_PARAMETERS = 15;

/** A setting: a number, or one for each of the models that a parameter's first axis counts. */
export type Setting = number | readonly number[];

/** The rule's numbers, or a list of them for each model. */
type Numbers = readonly number[] | readonly (readonly number[])[];

/** Numbers made of settings, for each model where one of the settings is by model. */
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

/** A parameter's update as a launch takes it. */
interface Item {
  parameter: Tensor;
  /** Dense, in other memory than the parameter, and ours. */
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

/** The gradient as a kernel reads it beside the parameter that it writes. */
function readable({ parameter, gradient }: Update): Tensor {
  return bufferOf(gradient) === bufferOf(parameter) ? copyDense(gradient) : dense(gradient);
}

/** True where all of the state lies in one memory, so that it takes one binding. */
function together({ state }: Item): boolean {
  return state.every((tensor) => bufferOf(tensor) === bufferOf(state[0]));
}

const isByModel = (numbers: Numbers): numbers is readonly (readonly number[])[] =>
  typeof numbers[0] !== 'number';

/** True where an item may be updated in the launch of those before: bindings suffice, and none of them overlap. */
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
    const offsets = [0, 1, 2].map((i) => item.state[i]?.offset ?? 0);
    words.u32(parameter.numel, groups, own, gradient.offset, parameter.offset, ...offsets);
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

/** The settings by model of all items, one row after the other; undefined where settings are of whole parameters. */
function tableOf(batch: readonly Item[]): Tensor | undefined {
  const rows = batch.flatMap(({ numbers }) => (isByModel(numbers) ? numbers : []));
  if (rows.length === 0) return undefined;
  const { device } = batch[0].parameter;
  return upload(Float32Array.from(rows.flat()), [rows.length, rows[0].length], 'f32', { device });
}

/** Each item goes with the first others that it fits. */
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
  /** The largest of these so far, with amsgrad. */
  maxExpAvgSq?: Tensor;
  lr: Setting;
  betas: readonly [Setting, Setting];
  eps: Setting;
  weightDecay: Setting;
  /** The number of this step, from 1. */
  step: number;
}

/**
 * Updates the parameters and both moments of each; bias corrections in float64, as PyTorch takes them. `decoupled` is
 * AdamW's decay of the parameter itself; else the decay is added to the gradient. All or none have a `maxExpAvgSq`.
 */
export function adamStep(updates: readonly AdamUpdate[], { decoupled }: { decoupled: boolean }): void {
  const items = updates.map((update): Item => {
    const { parameter, expAvg, expAvgSq, maxExpAvgSq, lr, betas, eps, weightDecay, step } = update;
    const numbers = numbersOf([lr, ...betas, eps, weightDecay], (pick) => {
      const [rate, b1, b2, wd] = [lr, ...betas, weightDecay].map(pick);
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
  /** True where the buffer begins, as the gradient. */
  first: boolean;
}

/** Updates the parameters and, with momentum, their velocities; all or none of them have one. */
export function sgdStep(updates: readonly SgdUpdate[], { nesterov }: { nesterov: boolean }): void {
  const items = updates.map((update): Item => {
    const { parameter, momentumBuffer, lr, weightDecay, momentum, dampening, first } = update;
    const numbers = numbersOf([lr, weightDecay, momentum, dampening], (pick) => {
      // Among models with momentum, one without takes its gradient as it is.
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
  /** The gradient's running gradAvg, where it is taken off. */
  gradAvg?: Tensor;
  /** With momentum. */
  momentumBuffer?: Tensor;
  lr: Setting;
  alpha: Setting;
  eps: Setting;
  weightDecay: Setting;
  momentum: Setting;
}

/** Updates the parameters and their state; all of them have the same kinds of it. */
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
      // Decay 2, square 4, step 3, parameter 2; the gradient's mean 3 and 2 to take it off, the buffer 2.
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

/** Updates the parameters and, with momentum, the gradients' running means; all or none of them have one. */
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
