/**
 * Launches optimizer steps (shaders/tensor/optimizer.wgsl.ts), over as many parameters at once as the device has bindings
 * for: two a parameter, and one for the state of all of them where it lies in one memory. All tensors are dense.
 */
import {
  adamShader,
  OPTIMIZER_WORKGROUP,
  type OptimizerBindings,
  sgdShader,
} from '../../../shaders/tensor/optimizer.wgsl.js';
import type { ShaderOptions } from '../../gpu/pipelines.js';
import type { Tensor } from '../../tensor/tensor.js';
import { copyDense, dense } from './elementwise.js';
import { launch, Words } from './launch.js';

/** More workgroups a parameter than this loop over several elements an invocation. */
const MOST_GROUPS = 4096;
/** Parameters a launch, whatever the device has: these are within 65,535 workgroups and 1 KB of words. */
const MOST_PARAMETERS = 15;

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
  /** The rule's own words. */
  numbers: readonly number[];
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

/** True where an item may be updated in the launch of those before: bindings suffice, and none of them overlap. */
function fits(batch: readonly Item[], item: Item): boolean {
  const [first] = batch;
  if (first.parameter.device !== item.parameter.device || !together(first) || !together(item)) return false;
  const shared = item.state.length > 0 ? 1 : 0;
  if (shared === 1 && bufferOf(first.state[0]) !== bufferOf(item.state[0])) return false;
  const bindings = item.parameter.device.limits.maxStorageBuffersPerShaderStage;
  if (batch.length >= Math.min(MOST_PARAMETERS, Math.floor((bindings - shared) / 2))) return false;
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
  const words = new Words();
  let groups = 0;
  for (const item of batch) {
    const { parameter, gradient, numbers } = item;
    const own = Math.min(MOST_GROUPS, Math.ceil(parameter.numel / OPTIMIZER_WORKGROUP));
    const offsets = [0, 1].map((i) => item.state[i]?.offset ?? 0);
    words.u32(parameter.numel, groups, own, gradient.offset, parameter.offset, ...offsets).f32(...numbers);
    for (let length = 7 + numbers.length; length % 4 !== 0; length++) words.u32(0); // a uniform's stride
    groups += own;
  }
  const bindings = { count: batch.length, together: shared };
  const elements = batch.reduce((sum, { parameter }) => sum + parameter.numel, 0);
  launch({
    label,
    key: `${label} ${batch.length} ${shared}`,
    code: () => code(bindings),
    tensors: [
      ...(shared ? state.slice(0, 1) : state),
      ...batch.flatMap(({ gradient, parameter }) => [gradient, parameter]),
    ],
    params: words.done(),
    grid: [groups],
    options: { ...options, ...bindings },
    flops: () => elements * flopsEach,
    // The gradient is read; parameter and state are read and written.
    bytes: () => 4 * elements * (1 + 2 * (1 + state.length)),
  });
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
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  /** The number of this step, from 1. */
  step: number;
}

/**
 * Updates the parameters and both moments of each; bias corrections in float64, as PyTorch takes them. `decoupled` is
 * AdamW's decay of the parameter itself; else the decay is added to the gradient.
 */
export function adamStep(updates: readonly AdamUpdate[], { decoupled }: { decoupled: boolean }): void {
  const items = updates.map((update): Item => {
    const { parameter, expAvg, expAvgSq, lr, betas, eps, weightDecay, step } = update;
    const [beta1, beta2] = betas;
    const decay = decoupled ? 1 - lr * weightDecay : weightDecay;
    const [stepSize, correction] = [lr / (1 - beta1 ** step), Math.sqrt(1 - beta2 ** step)];
    const numbers = [decay, beta1, 1 - beta1, beta2, 1 - beta2, stepSize, correction, eps];
    return { parameter, gradient: readable(update), state: [expAvg, expAvgSq], numbers };
  });
  const rule: Rule = {
    label: decoupled ? 'adamw' : 'adam',
    code: (bindings) => adamShader({ decoupled, ...bindings }),
    options: { decoupled },
    // Decay 1 or 2; first moment 3, second 4, parameter 6.
    flopsEach: (decoupled ? 1 : 2) + 13,
  };
  runAll(rule, items);
}

interface SgdUpdate extends Update {
  /** With momentum. */
  momentumBuffer?: Tensor;
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  /** True where the velocity begins, as the gradient. */
  first: boolean;
}

/** Updates the parameters and, with momentum, their velocities; all or none of them have one. */
export function sgdStep(updates: readonly SgdUpdate[], { nesterov }: { nesterov: boolean }): void {
  const items = updates.map((update): Item => {
    const { parameter, momentumBuffer, lr, weightDecay, momentum, dampening, first } = update;
    const numbers = [lr, weightDecay, momentum, first ? 1 : 1 - dampening];
    return { parameter, gradient: readable(update), state: momentumBuffer ? [momentumBuffer] : [], numbers };
  });
  const momentum = updates.some(({ momentumBuffer }) => momentumBuffer !== undefined);
  const rule: Rule = {
    label: `sgd${momentum ? ' momentum' : ''}${nesterov ? ' nesterov' : ''}`,
    code: (bindings) => sgdShader({ momentum, nesterov, ...bindings }),
    options: { momentum, nesterov },
    // Decay 2, parameter 2; velocity 3, and 2 to look ahead with it.
    flopsEach: 4 + (momentum ? 3 + (nesterov ? 2 : 0) : 0),
  };
  runAll(rule, items);
}
