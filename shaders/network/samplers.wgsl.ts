/**
 * Fresh examples made on the device: the functions that a sampler's `sample` may call, and one `sample` for all built-in
 * samplers. src/network/samplers.ts writes their parameters. Functions only.
 *
 * A random number depends on the run's seed, the step, the example and the number of the draw, and on nothing else: not on how
 * steps are cut into chunks, nor on the runs beside it.
 */
import { wgsl } from '../wgsl.js';
import { philoxFunctions } from './philox.wgsl.js';

/** The last word of the generator's counter: training and evaluation draw different numbers from the same seed. */
export const STREAMS = { training: 0, evaluation: 1 } as const;

/** The functions that every sampler may call. `data` and `memory` are the kernel's buffers. */
export const samplerFunctions = wgsl`
/**
 * An example to be made: the one with this number in this step. Its inputs begin at inputsAt and its targets at targetsAt;
 * inputs and targets say how many there are. The sampler's parameters begin at parameters.
 */
struct Example {
  key: vec2u,
  stream: u32,
  step: u32,
  number: u32,
  parameters: u32,
  inputs: u32,
  inputsAt: u32,
  targets: u32,
  targetsAt: u32,
}

${philoxFunctions}

/** Four random words for the example, different ones for each k. */
fn random(e: Example, k: u32) -> vec4u { return philox(vec4u(k, e.number, e.step, e.stream), e.key); }

/** Turns a random word into a multiple of 2^-24, from 0 to 1 - 2^-24. */
fn uniformOf(word: u32) -> f32 { return f32(word >> 8u) * 5.9604645e-8; }

/** Turns a random word into a whole number below n. */
fn below(word: u32, n: u32) -> u32 { return upperProduct(word, n); }

/** Turns four random words into standard normal numbers (Box and Muller 1958), none beyond 5.8. */
fn normals(words: vec4u) -> vec4f {
  let x = radius(words.x);
  let y = radius(words.z);
  let a = 6.2831853 * uniformOf(words.y);
  let b = 6.2831853 * uniformOf(words.w);
  return vec4f(x * cosOf(a), x * sinOf(a), y * cosOf(b), y * sinOf(b));
}

/** Box and Muller's radius, from 23 bits plus a half: the logarithm's argument is neither 0 nor 1. */
fn radius(word: u32) -> f32 { return sqrt(-2.0 * logOf((f32(word >> 9u) + 0.5) * 1.1920929e-7)); }

fn parameterWord(e: Example, k: u32) -> u32 { return data[e.parameters + k]; }
fn parameter(e: Example, k: u32) -> f32 { return bitcast<f32>(data[e.parameters + k]); }

fn setInput(e: Example, k: u32, value: f32) {
  if (k < e.inputs) { keepAt(e.inputsAt + k, value); }
}
fn setTarget(e: Example, k: u32, value: f32) {
  if (k < e.targets) { keepAt(e.targetsAt + k, value); }
}
`;

/** The built-in samplers by number, the first word of their parameters. */
export const SAMPLER_KINDS = { bits: 0, blobs: 1, moons: 2 } as const;

/** Flags in the second word of the parameters, for samplers of bits. */
export const BIT_FLAGS = { signs: 1, signTargets: 2, table: 4 } as const;

export const builtInSamplers = wgsl`
fn sample(e: Example) {
  let kind = parameterWord(e, 0u);
  if (kind == ${SAMPLER_KINDS.bits}u) { sampleBits(e); } else { samplePoints(e, kind == ${SAMPLER_KINDS.moons}u); }
}

/**
 * Parameters: kind, flags, number of bits, width of the task's code, number of tasks, threshold of the noise. Then for each task
 * the threshold up to which a random word chooses it. Then for each task the mask of its bits, or one table of values, one for
 * each setting of the bits.
 */
fn sampleBits(e: Example) {
  let flags = parameterWord(e, 1u);
  let bits = parameterWord(e, 2u);
  let code = parameterWord(e, 3u);
  let tasks = parameterWord(e, 4u);
  let noise = parameterWord(e, 5u);
  let words = (bits + 31u) / 32u;
  var chosen = vec4u();
  if (tasks > 1u || noise > 0u) { chosen = random(e, 0u); }
  var task = 0u;
  var end = tasks - 1u;
  while (task < end) {
    let middle = (task + end) / 2u;
    if (chosen.x < parameterWord(e, 6u + middle)) { end = middle; } else { task = middle + 1u; }
  }
  for (var t = 0u; t < code; t++) { keepAt(e.inputsAt + t, select(0.0, 1.0, t == task)); }
  let isTable = (flags & ${BIT_FLAGS.table}u) != 0u;
  let mask = 6u + tasks + task * words;
  let signs = (flags & ${BIT_FLAGS.signs}u) != 0u;
  var first = 0u;
  var folded = 0u;
  var four = vec4u();
  for (var w = 0u; w < words; w++) {
    if (w % 4u == 0u) { four = random(e, 1u + w / 4u); }
    let word = four.x;
    four = four.yzwx;
    if (w == 0u) { first = word; }
    if (!isTable) { folded ^= word & parameterWord(e, mask + w); }
    let at = e.inputsAt + code + 32u * w;
    let here = min(32u, bits - 32u * w);
    for (var j = 0u; j < here; j++) {
      let bit = f32((word >> j) & 1u);
      keepAt(at + j, select(bit, 2.0 * bit - 1.0, signs));
    }
  }
  var label = f32(countOneBits(folded) & 1u);
  if (isTable) { label = parameter(e, 7u + (first & ((1u << bits) - 1u))); }
  if (chosen.y < noise) { label = 1.0 - label; }
  if ((flags & ${BIT_FLAGS.signTargets}u) != 0u) { label = 2.0 * label - 1.0; }
  keepAt(e.targetsAt, label);
}

/** Parameters: kind, number of classes, each class's deviation; for blobs, each class's center. */
fn samplePoints(e: Example, isMoons: bool) {
  let classes = parameterWord(e, 1u);
  let chosen = random(e, 0u);
  let which = below(chosen.x, classes);
  let deviation = parameter(e, 2u + which);
  let center = 2u + classes + which * e.inputs;
  let angle = 3.1415927 * uniformOf(chosen.y);
  for (var i = 0u; i < e.inputs; i += 4u) {
    var four = normals(random(e, 1u + i / 4u));
    for (var j = i; j < min(i + 4u, e.inputs); j++) {
      var middle = 0.0;
      if (isMoons) {
        let along = select(sinOf(angle), cosOf(angle), j == 0u);
        middle = select(along, select(0.5, 1.0, j == 0u) - along, which == 1u);
      } else {
        middle = parameter(e, center + j);
      }
      keepAt(e.inputsAt + j, middle + deviation * four.x);
      four = four.yzwx;
    }
  }
  keepAt(e.targetsAt, f32(which));
}
`;
