/**
 * One step of an optimizer over all elements of several parameters, in place: Adam with or without decoupled weight
 * decay, and gradient descent with momentum. The formulas and their order are PyTorch's.
 */
import { wgsl } from '../wgsl.js';

export const OPTIMIZER_WORKGROUP = 64;

/** How parameters and their state are bound. */
export interface OptimizerBindings {
  /** Parameters a launch; each has a gradient and a parameter binding. */
  count: number;
  /** One binding for the state of all parameters; else one for each state tensor, of one parameter. */
  together: boolean;
}

interface Rule {
  /** The buffers of the state. */
  states: readonly string[];
  /** The rule's own words of an item. */
  fields: string;
  /** The new state and parameter: statements that read and write `p`, `g` and the state's element, and read the item `u`. */
  body: string;
}

/** What the buffers of the state are called, for a rule with these states. */
const buffersOf = (states: readonly string[], together: boolean): readonly string[] =>
  together ? states.map(() => 'states') : states;

function shader({ states, fields, body }: Rule, { count }: OptimizerBindings): string {
  const bound = [...new Set(states)].map((name, k) => ({ name, binding: 1 + k }));
  const parameters = Array.from({ length: count }, (_, k) => {
    const gradient = 1 + bound.length + 2 * k;
    return { k, gradient, parameter: gradient + 1 };
  });
  return wgsl`
const invocations = ${OPTIMIZER_WORKGROUP}u;
const parameters = ${count}u;

struct Item {
  /** Elements of the parameter. */
  @align(16) n: u32,
  /** Workgroups of this parameter: from this one on, so many. */
  first: u32,
  groups: u32,
  gradientOffset: u32,
  parameterOffset: u32,
  stateOffset0: u32,
  stateOffset1: u32,
  ${fields}
}

@group(0) @binding(0) var<uniform> items: array<Item, parameters>;
#for state in ${bound}
@group(0) @binding($state.binding) var<storage, read_write> $state.name: array<f32>;
#endfor
#for of in ${parameters}
@group(0) @binding($of.gradient) var<storage, read> gradient$of.k: array<f32>;
@group(0) @binding($of.parameter) var<storage, read_write> parameter$of.k: array<f32>;
#endfor

#for k in ${count}
fn update$k(start: u32) {
  let u = items[$k];
  for (var i = start; i < u.n; i += u.groups * invocations) {
    var p = parameter$k[u.parameterOffset + i];
    var g = gradient$k[u.gradientOffset + i];
    ${body}
    parameter$k[u.parameterOffset + i] = p;
  }
}

#endfor
@compute @workgroup_size(invocations)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  #for k in ${count}
  if (group.x >= items[$k].first && group.x < items[$k].first + items[$k].groups) {
    update$k((group.x - items[$k].first) * invocations + lane);
  }
  #endfor
}
`;
}

interface AdamShaderOptions extends OptimizerBindings {
  /** AdamW (Loshchilov and Hutter 2019); else decay is part of the gradient (Kingma and Ba 2015). */
  decoupled: boolean;
}

export function adamShader({ decoupled, ...bindings }: AdamShaderOptions): string {
  const states = buffersOf(['mean', 'square'], bindings.together);
  const [mean, square] = states;
  const fields = wgsl`
/** decoupled: 1 - lr * decay; else decay */
decay: f32,
beta1: f32,
oneMinusBeta1: f32,
beta2: f32,
oneMinusBeta2: f32,
/** lr / (1 - beta1^t) */
stepSize: f32,
/** sqrt(1 - beta2^t) */
correction: f32,
eps: f32,
`;
  const body = wgsl`
#if ${decoupled}
p *= u.decay;
#else
g += u.decay * p;
#endif
let m = u.beta1 * ${mean}[u.stateOffset0 + i] + u.oneMinusBeta1 * g;
let v = u.beta2 * ${square}[u.stateOffset1 + i] + u.oneMinusBeta2 * g * g;
${mean}[u.stateOffset0 + i] = m;
${square}[u.stateOffset1 + i] = v;
p = p - u.stepSize * (m / (sqrt(v) / u.correction + u.eps));
`;
  return shader({ states, fields, body }, bindings);
}

interface SgdShaderOptions extends OptimizerBindings {
  momentum: boolean;
  nesterov: boolean;
}

export function sgdShader({ momentum, nesterov, ...bindings }: SgdShaderOptions): string {
  const states = buffersOf(momentum ? ['velocity'] : [], bindings.together);
  const [velocity] = states;
  const fields = wgsl`
lr: f32,
decay: f32,
momentum: f32,
/** 1 - dampening; 1 where the velocity begins */
oneMinusDampening: f32,
`;
  const body = wgsl`
g = g + u.decay * p;
#if ${momentum}
let v = u.momentum * ${velocity}[u.stateOffset0 + i] + u.oneMinusDampening * g;
${velocity}[u.stateOffset0 + i] = v;
#if ${nesterov}
p = p - u.lr * (g + u.momentum * v);
#else
p = p - u.lr * v;
#endif
#else
p = p - u.lr * g;
#endif
`;
  return shader({ states, fields, body }, bindings);
}
