/**
 * One step of an optimizer over all elements of several parameters, in place: Adam with or without decoupled weight
 * decay, and gradient descent with momentum. The formulas and their order are PyTorch's.
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';

export const OPTIMIZER_WORKGROUP = 64;

/** How parameters and their state are bound. */
export interface OptimizerBindings {
  /** Parameters a launch; each has a gradient and a parameter binding. */
  count: number;
  /** One binding for the state of all parameters; else one for each state tensor, of one parameter. */
  together: boolean;
}

/** Words in front of a rule's own in an item: where the parameter's elements are, and who works on them. */
const PLACE = wgsl`
  @align(16) n: u32,
  // Workgroups of this parameter: from this one on, so many.
  first: u32,
  groups: u32,
  gradientOffset: u32,
  parameterOffset: u32,
  stateOffset0: u32,
  stateOffset1: u32,
`;

interface Rule {
  /** The rule's own words of an item. */
  fields: string;
  states: readonly string[];
  /** The new `state` values and parameter from `p`, `g` and the item `u`; `old` and `set` are for the state. */
  body: (read: (state: number) => string, write: (state: number, value: string) => string) => string;
}

function shader({ fields, states, body }: Rule, { count, together }: OptimizerBindings): string {
  const names = together ? states.map(() => 'state') : states;
  const bound = together ? (states.length > 0 ? ['state'] : []) : states;
  const place = (state: number) => `${names[state]}[u.stateOffset${state} + i]`;
  const at = (k: number, what: number) => 1 + bound.length + 2 * k + what;
  const each = Array.from({ length: count }, (_, k) => k);
  return `
struct Item {${PLACE}${fields}}
@group(0) @binding(0) var<uniform> items: array<Item, ${count}>;
${bound.map((name, i) => `@group(0) @binding(${i + 1}) var<storage, read_write> ${name}: array<f32>;`).join('\n')}
${each
  .map(
    (k) => `@group(0) @binding(${at(k, 0)}) var<storage, read> gradient${k}: array<f32>;
@group(0) @binding(${at(k, 1)}) var<storage, read_write> parameter${k}: array<f32>;`,
  )
  .join('\n')}

${each
  .map(
    (k) => `
fn update${k}(start: u32) {
  let u = items[${k}];
  for (var i = start; i < u.n; i += u.groups * ${OPTIMIZER_WORKGROUP}u) {
    var p = parameter${k}[u.parameterOffset + i];
    var g = gradient${k}[u.gradientOffset + i];
${body(place, (state, value) => `${place(state)} = ${value};`)}
    parameter${k}[u.parameterOffset + i] = p;
  }
}`,
  )
  .join('\n')}

@compute @workgroup_size(${OPTIMIZER_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
${each
  .map(
    (k) => `  if (group.x >= items[${k}].first && group.x < items[${k}].first + items[${k}].groups) {
    update${k}((group.x - items[${k}].first) * ${OPTIMIZER_WORKGROUP}u + lane);
  }`,
  )
  .join('\n')}
}
`;
}

/** `decoupled`: AdamW (Loshchilov and Hutter 2019); else decay is part of the gradient (Kingma and Ba 2015). */
export function adamShader({ decoupled, ...bindings }: OptimizerBindings & { decoupled: boolean }): string {
  const rule: Rule = {
    fields: wgsl`
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
`,
    states: ['mean', 'square'],
    body: (read, write) => wgsl`
#if ${decoupled}
    p *= u.decay;
#else
    g += u.decay * p;
#endif
    let m = u.beta1 * ${read(0)} + u.oneMinusBeta1 * g;
    let v = u.beta2 * ${read(1)} + u.oneMinusBeta2 * g * g;
    ${write(0, 'm')}
    ${write(1, 'v')}
    p = p - u.stepSize * (m / (sqrt(v) / u.correction + u.eps));`,
  };
  return shader(rule, bindings);
}

interface SgdShaderOptions extends OptimizerBindings {
  momentum: boolean;
  nesterov: boolean;
}

export function sgdShader({ momentum, nesterov, ...bindings }: SgdShaderOptions): string {
  const rule: Rule = {
    fields: wgsl`
  lr: f32,
  decay: f32,
  momentum: f32,
  // 1 - dampening; 1 where the velocity begins
  oneMinusDampening: f32,
`,
    states: momentum ? ['velocity'] : [],
    body: (read, write) => {
      if (!momentum) return '    g = g + u.decay * p;\n    p = p - u.lr * g;';
      const ahead = nesterov ? '(g + u.momentum * v)' : 'v';
      return `    g = g + u.decay * p;
    let v = u.momentum * ${read(0)} + u.oneMinusDampening * g;
    ${write(0, 'v')}
    p = p - u.lr * ${ahead};`;
    },
  };
  return shader(rule, bindings);
}
