/** Launches optimizer steps over one parameter (shaders/optimizer.wgsl.ts). All tensors are dense. */
import { adamShader, OPTIMIZER_WORKGROUP, sgdShader } from '../../shaders/optimizer.wgsl.js';
import type { ShaderOptions } from '../gpu/pipelines.js';
import type { Tensor } from '../tensor/tensor.js';
import { dense } from './elementwise.js';
import { launch, Words } from './launch.js';

/** More workgroups than this loop over several elements an invocation. */
const MOST_GROUPS = 4096;

export interface AdamStep {
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  /** AdamW's decay of the parameter itself; else the decay is added to the gradient. */
  decoupled: boolean;
  /** The number of this step, from 1. */
  step: number;
}

function run(
  label: string,
  code: () => string,
  params: Words,
  gradient: Tensor,
  state: readonly Tensor[],
  flopsEach: number,
  options: ShaderOptions,
): void {
  const [parameter] = state;
  const groups = Math.min(MOST_GROUPS, Math.ceil(parameter.numel / OPTIMIZER_WORKGROUP));
  const n = parameter.numel;
  launch({
    label,
    key: label,
    code,
    tensors: [gradient, ...state],
    params: params.done(),
    grid: [groups],
    options,
    flops: () => n * flopsEach,
    // The gradient is read, the state read and written.
    bytes: () => 4 * n * (1 + 2 * state.length),
  });
  for (const tensor of state) tensor.storage.version++;
}

/** Updates the parameter and both moments; bias corrections in float64, as PyTorch takes them. */
export function adamStep(
  parameter: Tensor,
  gradient: Tensor,
  mean: Tensor,
  square: Tensor,
  options: AdamStep,
): void {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, step } = options;
  const g = dense(gradient);
  const params = new Words()
    .u32(parameter.numel, g.offset)
    .f32(decoupled ? 1 - lr * weightDecay : weightDecay, beta1, 1 - beta1, beta2, 1 - beta2)
    .f32(lr / (1 - beta1 ** step), Math.sqrt(1 - beta2 ** step), eps);
  const state = [parameter, mean, square];
  // Decay 1 or 2; first moment 3, second 4, parameter 6.
  const flops = (decoupled ? 1 : 2) + 13;
  run(decoupled ? 'adamw' : 'adam', () => adamShader({ decoupled }), params, g, state, flops, { decoupled });
  g.dispose();
}

export interface SgdStep {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
  /** True where the velocity begins, as the gradient. */
  first: boolean;
}

/** Updates the parameter and, with momentum, the velocity. */
export function sgdStep(
  parameter: Tensor,
  gradient: Tensor,
  velocity: Tensor | undefined,
  options: SgdStep,
): void {
  const { lr, momentum, dampening, weightDecay, nesterov, first } = options;
  const g = dense(gradient);
  const params = new Words()
    .u32(parameter.numel, g.offset)
    .f32(lr, weightDecay, momentum, first ? 1 : 1 - dampening);
  const shader = { momentum: velocity !== undefined, nesterov };
  const label = `sgd${shader.momentum ? ' momentum' : ''}${nesterov ? ' nesterov' : ''}`;
  const state = velocity ? [parameter, velocity] : [parameter];
  // Decay 2, parameter 2; velocity 3, and 2 to look ahead with it.
  const flops = 4 + (velocity ? 3 + (nesterov ? 2 : 0) : 0);
  run(label, () => sgdShader(shader), params, g, state, flops, shader);
  g.dispose();
}
