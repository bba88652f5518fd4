/**
 * One step of an optimizer over all elements of one parameter, in place: Adam with or without decoupled weight decay,
 * and gradient descent with momentum. The formulas and their order are PyTorch's.
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';

export const OPTIMIZER_WORKGROUP = 64;

const walk = (body: string): string => `
@compute @workgroup_size(${OPTIMIZER_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < u.n; i += groups.x * ${OPTIMIZER_WORKGROUP}u) {
${body}
  }
}
`;

/** `decoupled`: AdamW (Loshchilov and Hutter 2019); else decay is part of the gradient (Kingma and Ba 2015). */
export function adamShader({ decoupled }: { decoupled: boolean }): string {
  return wgsl`
struct Params {
  n: u32,
  gradientOffset: u32,
  // decoupled: 1 - lr * decay; else decay
  decay: f32,
  beta1: f32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  // lr / (1 - beta1^t)
  stepSize: f32,
  // sqrt(1 - beta2^t)
  correction: f32,
  eps: f32,
}
@group(0) @binding(0) var<uniform> u: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> square: array<f32>;
${walk(wgsl`
    var p = parameter[i];
    var g = gradient[u.gradientOffset + i];
#if ${decoupled}
    p *= u.decay;
#else
    g += u.decay * p;
#endif
    let m = u.beta1 * mean[i] + u.oneMinusBeta1 * g;
    let v = u.beta2 * square[i] + u.oneMinusBeta2 * g * g;
    mean[i] = m;
    square[i] = v;
    parameter[i] = p - u.stepSize * (m / (sqrt(v) / u.correction + u.eps));`)}
`;
}

export interface SgdShaderOptions {
  momentum: boolean;
  nesterov: boolean;
}

export function sgdShader({ momentum, nesterov }: SgdShaderOptions): string {
  return wgsl`
struct Params {
  n: u32,
  gradientOffset: u32,
  lr: f32,
  decay: f32,
  momentum: f32,
  // 1 - dampening; 1 where the velocity begins
  oneMinusDampening: f32,
}
@group(0) @binding(0) var<uniform> u: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
#if ${momentum}
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;
#endif
${walk(wgsl`
    let p = parameter[i];
    let g = gradient[u.gradientOffset + i] + u.decay * p;
#if ${momentum}
    let v = u.momentum * velocity[i] + u.oneMinusDampening * g;
    velocity[i] = v;
  #if ${nesterov}
    parameter[i] = p - u.lr * (g + u.momentum * v);
  #else
    parameter[i] = p - u.lr * v;
  #endif
#else
    parameter[i] = p - u.lr * g;
#endif`)}
`;
}
