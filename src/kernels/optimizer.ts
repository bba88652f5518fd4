/** Launches optimizer steps over one parameter (shaders/optimizer.wgsl.ts). All tensors are dense. */
import { adamShader, OPTIMIZER_WORKGROUP, sgdShader } from '../../shaders/optimizer.wgsl.js';
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
): void {
  const [parameter] = state;
  const groups = Math.min(MOST_GROUPS, Math.ceil(parameter.numel / OPTIMIZER_WORKGROUP));
  launch({ label, key: label, code, tensors: [gradient, ...state], params: params.done(), grid: [groups] });
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
  run(decoupled ? 'adamw' : 'adam', () => adamShader({ decoupled }), params, g, [parameter, mean, square]);
  g.dispose();
}

export interface SgdStep {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
  /** True in the first step, in which the velocity becomes the gradient. */
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
  run(label, () => sgdShader(shader), params, g, velocity ? [parameter, velocity] : [parameter]);
  g.dispose();
}
