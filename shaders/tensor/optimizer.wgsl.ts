/**
 * One step of an optimizer, in place, over all elements of several parameters: Adam with or without decoupled weight
 * decay, gradient descent with momentum, RMSprop, and descent by signs. The formulas and their order are PyTorch's. A
 * setting is one for a whole parameter, or one for each of the models that lie one after the other in it.
 */
import { floatFunctions } from '../shared/floats.wgsl.js';
import { wgsl } from '../wgsl.js';

export const OPTIMIZER_WORKGROUP = 64;

/** How parameters and their state are bound. */
export interface OptimizerBindings {
  /** Parameters in a launch; each has a gradient and a parameter binding. */
  count: number;
  /** True: one binding for the state of all parameters; false: one for each state tensor, of a single parameter. */
  together: boolean;
  /** Settings are by model, in a binding of their own after the state's. */
  byModel: boolean;
}

interface Rule {
  /** The buffers of the state. */
  states: readonly string[];
  /** The rule's settings, numbers in float32. */
  fields: string;
  /**
   * Statements that compute the new state and parameter. They read and write `p`, `g` and the state's element, and
   * read the item `u`.
   */
  body: string;
  /** Functions that the body calls. */
  functions?: string;
}

/** The variable that holds the settings in the body. */
const settingsName = ({ byModel }: OptimizerBindings): string => (byModel ? 's' : 'u');

/** The names of the state's buffers, for a rule with these states. */
const buffersOf = (states: readonly string[], together: boolean): readonly string[] =>
  together ? states.map(() => 'states') : states;

function shader(
  { states, fields, body, functions = '' }: Rule,
  { count, byModel }: OptimizerBindings,
): string {
  const bound = [...new Set(states)].map((name, k) => ({ name, binding: 1 + k }));
  const settings = 1 + bound.length;
  const parameters = Array.from({ length: count }, (_, k) => {
    const gradient = settings + (byModel ? 1 : 0) + 2 * k;
    return { k, gradient, parameter: gradient + 1 };
  });
  return wgsl`
const invocations = ${OPTIMIZER_WORKGROUP}u;
const parameters = ${count}u;

struct Item {
  /** Elements of the parameter. */
  @align(16) n: u32,
  /** The first workgroup of this parameter, and how many it has. */
  first: u32,
  groups: u32,
  gradientOffset: u32,
  parameterOffset: u32,
  stateOffset0: u32,
  stateOffset1: u32,
  stateOffset2: u32,
  #if ${byModel}
  /** The row of the first model in the table of settings. */
  settings: u32,
  /** Elements of one model. */
  perModel: u32,
  #else
  ${fields}
  #endif
}
#if ${byModel}

struct Settings {
  ${fields}
}
#endif

@group(0) @binding(0) var<uniform> items: array<Item, parameters>;
#for state in ${bound}
@group(0) @binding($state.binding) var<storage, read_write> $state.name: array<f32>;
#endfor
#if ${byModel}
@group(0) @binding(${settings}) var<storage, read> table: array<Settings>;
#endif
#for of in ${parameters}
@group(0) @binding($of.gradient) var<storage, read> gradient$of.k: array<f32>;
@group(0) @binding($of.parameter) var<storage, read_write> parameter$of.k: array<f32>;
#endfor

${functions}
#for k in ${count}
fn update$k(start: u32) {
  let u = items[$k];
  for (var i = start; i < u.n; i += u.groups * invocations) {
    var p = parameter$k[u.parameterOffset + i];
    var g = gradient$k[u.gradientOffset + i];
    #if ${byModel}
    let s = table[u.settings + i / u.perModel];
    #endif
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
  /** Weight decay as in AdamW (Loshchilov and Hutter 2019); else it is added to the gradient (Kingma and Ba 2015). */
  decoupled: boolean;
  /** The denominator takes the largest second moment so far (Reddi et al. 2018). */
  amsgrad: boolean;
}

export function adamShader({ decoupled, amsgrad, ...bindings }: AdamShaderOptions): string {
  const own = amsgrad ? ['expAvg', 'expAvgSq', 'maxExpAvgSq'] : ['expAvg', 'expAvgSq'];
  const states = buffersOf(own, bindings.together);
  const [expAvg, expAvgSq, maxExpAvgSq] = states;
  const s = settingsName(bindings);
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
p *= ${s}.decay;
#else
g += ${s}.decay * p;
#endif
let m = ${s}.beta1 * ${expAvg}[u.stateOffset0 + i] + ${s}.oneMinusBeta1 * g;
let v = ${s}.beta2 * ${expAvgSq}[u.stateOffset1 + i] + ${s}.oneMinusBeta2 * g * g;
${expAvg}[u.stateOffset0 + i] = m;
${expAvgSq}[u.stateOffset1 + i] = v;
#if ${amsgrad}
let most = larger(${maxExpAvgSq ?? ''}[u.stateOffset2 + i], v);
${maxExpAvgSq ?? ''}[u.stateOffset2 + i] = most;
p = p - ${s}.stepSize * (m / (sqrt(most) / ${s}.correction + ${s}.eps));
#else
p = p - ${s}.stepSize * (m / (sqrt(v) / ${s}.correction + ${s}.eps));
#endif
`;
  return shader({ states, fields, body, functions: amsgrad ? floatFunctions('larger') : '' }, bindings);
}

interface SgdShaderOptions extends OptimizerBindings {
  momentum: boolean;
  nesterov: boolean;
}

export function sgdShader({ momentum, nesterov, ...bindings }: SgdShaderOptions): string {
  const states = buffersOf(momentum ? ['momentumBuffer'] : [], bindings.together);
  const [momentumBuffer] = states;
  const s = settingsName(bindings);
  const fields = wgsl`
lr: f32,
decay: f32,
momentum: f32,
/** 1 - dampening; 1 in the step in which the buffer begins */
oneMinusDampening: f32,
`;
  const body = wgsl`
g = g + ${s}.decay * p;
#if ${momentum}
let v = ${s}.momentum * ${momentumBuffer}[u.stateOffset0 + i] + ${s}.oneMinusDampening * g;
${momentumBuffer}[u.stateOffset0 + i] = v;
#if ${nesterov}
p = p - ${s}.lr * (g + ${s}.momentum * v);
#else
p = p - ${s}.lr * v;
#endif
#else
p = p - ${s}.lr * g;
#endif
`;
  return shader({ states, fields, body }, bindings);
}

interface RmspropShaderOptions extends OptimizerBindings {
  momentum: boolean;
  /** Subtracts the square of the gradient's running mean in the denominator. */
  centered: boolean;
}

export function rmspropShader({ momentum, centered, ...bindings }: RmspropShaderOptions): string {
  const own = ['squareAvg', ...(centered ? ['gradAvg'] : []), ...(momentum ? ['momentumBuffer'] : [])];
  const names = buffersOf(own, bindings.together);
  const place = (state: string): string => {
    const at = own.indexOf(state);
    return at < 0 ? '' : `${names[at]}[u.stateOffset${at} + i]`;
  };
  const s = settingsName(bindings);
  const fields = wgsl`
lr: f32,
decay: f32,
alpha: f32,
oneMinusAlpha: f32,
eps: f32,
momentum: f32,
`;
  const body = wgsl`
g = g + ${s}.decay * p;
let q = ${s}.alpha * ${place('squareAvg')} + ${s}.oneMinusAlpha * g * g;
${place('squareAvg')} = q;
#if ${centered}
let m = ${s}.alpha * ${place('gradAvg')} + ${s}.oneMinusAlpha * g;
${place('gradAvg')} = m;
let step = g / (sqrt(q - m * m) + ${s}.eps);
#else
let step = g / (sqrt(q) + ${s}.eps);
#endif
#if ${momentum}
let v = ${s}.momentum * ${place('momentumBuffer')} + step;
${place('momentumBuffer')} = v;
p = p - ${s}.lr * v;
#else
p = p - ${s}.lr * step;
#endif
`;
  return shader({ states: names, fields, body }, bindings);
}

interface SignShaderOptions extends OptimizerBindings {
  momentum: boolean;
}

/** signSGD and, with momentum, Signum (Bernstein et al. 2018). */
export function signShader({ momentum, ...bindings }: SignShaderOptions): string {
  const states = buffersOf(momentum ? ['momentumBuffer'] : [], bindings.together);
  const [momentumBuffer] = states;
  const s = settingsName(bindings);
  const fields = wgsl`
lr: f32,
decay: f32,
momentum: f32,
oneMinusMomentum: f32,
`;
  const body = wgsl`
#if ${momentum}
let v = ${s}.momentum * ${momentumBuffer}[u.stateOffset0 + i] + ${s}.oneMinusMomentum * g;
${momentumBuffer}[u.stateOffset0 + i] = v;
p = p - ${s}.lr * (signOf(v) + ${s}.decay * p);
#else
p = p - ${s}.lr * (signOf(g) + ${s}.decay * p);
#endif
`;
  return shader({ states, fields, body, functions: floatFunctions('signOf') }, bindings);
}
