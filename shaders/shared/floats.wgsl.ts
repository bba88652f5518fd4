/**
 * Float functions with defined results at special values. WGSL promises nothing about NaN, infinities and negative bases, lets
 * `max` drop a NaN, and allows compilers to fold `(1 + x) - 1` and `x != x`. Here NaN is detected by its bits, and every
 * function returns what IEEE 754 and PyTorch do. These are fragments for kernels.
 */
import { wgsl } from '../wgsl.js';

/** Whether x is NaN, by its bits. */
export const isNan = wgsl`
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`;

/** Variables, not constants: WGSL refuses to compile a constant that is not finite. */
const infinity = wgsl`
fn infinity() -> f32 { var bits = 0x7f800000u; return bitcast<f32>(bits); }`;
const nan = wgsl`
fn nan() -> f32 { var bits = 0x7fc00000u; return bitcast<f32>(bits); }`;

const comparisons = {
  equal: wgsl`
fn equal(x: f32, y: f32) -> bool { return x == y && !isNan(x) && !isNan(y); }`,
  less: wgsl`
fn less(x: f32, y: f32) -> bool { return x < y && !isNan(x) && !isNan(y); }`,
  atMost: wgsl`
fn atMost(x: f32, y: f32) -> bool { return x <= y && !isNan(x) && !isNan(y); }`,
  larger: wgsl`
fn larger(x: f32, y: f32) -> f32 { return select(select(max(x, y), y, isNan(y)), x, isNan(x)); }`,
  smaller: wgsl`
fn smaller(x: f32, y: f32) -> f32 { return select(select(min(x, y), y, isNan(y)), x, isNan(x)); }`,
};

const activations = {
  signOf: wgsl`
// 0 for NaN, as in PyTorch.
fn signOf(x: f32) -> f32 { return select(sign(x), 0.0, isNan(x)); }`,
  relu: wgsl`
// -0 for -0, as in PyTorch.
fn relu(x: f32) -> f32 { return select(x, 0.0, x < 0.0 && !isNan(x)); }`,
  leakyRelu: wgsl`
fn leakyRelu(x: f32, slope: f32) -> f32 { return select(x * slope, x, x > 0.0 || isNan(x)); }`,
  clampOf: wgsl`
fn clampOf(x: f32, low: f32, high: f32) -> f32 { return select(clamp(x, low, high), x, isNan(x)); }`,
  sigmoid: wgsl`
fn sigmoid(x: f32) -> f32 {
  let e = expOf(-abs(x));
  return select(select(1.0, e, x < 0.0) / (1.0 + e), x, isNan(x));
}`,
  tanhOf: wgsl`
fn tanhOf(x: f32) -> f32 {
  // Small arguments by series (WGSL's tanh may subtract exponentials), large ones before the exponentials overflow.
  let s = x * x;
  let series = x * (1.0 + s * (-0.33333334 + s * (0.13333334 + s * -0.05396825)));
  let y = select(tanh(clamp(x, -10.0, 10.0)), series, abs(x) < 0.1);
  return select(y, x, isNan(x));
}`,
  softplus: wgsl`
fn softplus(x: f32) -> f32 {
  return select(max(x, 0.0) + logNearOne(expOf(-abs(x))), x, isNan(x));
}`,
  bceWithLogits: wgsl`
// PyTorch's (1 - y) z + max(-z, 0) + ln(1 + e^-|z|). The first two terms are written as one product on each side of
// 0, because compilers add long sums in any order. For -infinity it is NaN, as in PyTorch.
fn bceWithLogits(z: f32, y: f32) -> f32 {
  let loss = select(-y, 1.0 - y, z > 0.0) * z + logNearOne(expOf(-abs(z)));
  return select(select(loss, nan(), z == -infinity()), z, isNan(z));
}`,
};

const losses = {
  huber: wgsl`
fn huber(x: f32, delta: f32) -> f32 {
  let size = abs(x);
  return select(select(delta * (size - 0.5 * delta), 0.5 * x * x, size < delta), x, isNan(x));
}`,
  weightedBce: wgsl`
// bceWithLogits with the positive part times w: PyTorch's (1 - y) z + (1 + (w - 1) y) (max(-z, 0) + ln(1 + e^-|z|)).
fn weightedBce(z: f32, y: f32, w: f32) -> f32 {
  return (1.0 - y) * z + (1.0 + (w - 1.0) * y) * softplus(-z);
}`,
};

const waves = {
  quarterTurns: wgsl`
// The number of quarter turns in x, and the rest, from -pi / 4 to pi / 4. pi / 2 comes in three parts (Cody and Waite
// 1980), the first two so short that their products with the number of turns are exact.
struct Turned { rest: f32, turns: i32 }
fn quarterTurns(x: f32) -> Turned {
  let k = round(x * 0.63661977);
  var rest = x - k * 1.5703125;
  rest = rest - k * 0.0004837513;
  rest = rest - k * 7.54979e-8;
  // Beyond the turns that float32 can tell apart, only the bounds of the rest are known.
  return Turned(clamp(rest, -0.78539819, 0.78539819), i32(k));
}`,
  sineAt: wgsl`
// The sine of this many quarter turns and a rest, by Cephes' polynomials (sinf.c).
fn sineAt(rest: f32, turns: i32) -> f32 {
  let z = rest * rest;
  let sine = rest + rest * z * (-0.16666655 + z * (8.3321609e-3 - z * 1.9515296e-4));
  let cosine = 1.0 - 0.5 * z + z * z * (0.041666646 + z * (-1.3887316e-3 + z * 2.4433157e-5));
  let y = select(sine, cosine, (turns & 1) == 1);
  return select(y, -y, (turns & 2) == 2);
}`,
  sinOf: wgsl`
// WGSL's own sin is good to 2^-11 from -pi to pi, and promises nothing beyond.
fn sinOf(x: f32) -> f32 {
  let turned = quarterTurns(x);
  return select(sineAt(turned.rest, turned.turns), nan(), isNan(x) || abs(x) == infinity());
}`,
  cosOf: wgsl`
fn cosOf(x: f32) -> f32 {
  let turned = quarterTurns(x);
  return select(sineAt(turned.rest, turned.turns + 1), nan(), isNan(x) || abs(x) == infinity());
}`,
  roundOf: wgsl`
// Halves to even. From 2^23 on every number is whole.
fn roundOf(x: f32) -> f32 { return select(x, round(x), abs(x) < 8388608.0); }`,
  normalCdf: wgsl`
// Share of the standard normal distribution below x: half the complementary error function of -x / sqrt 2, by the
// Chebyshev polynomial in Press et al. (Numerical Recipes, 6.2); relative error 1.2e-7.
fn normalCdf(x: f32) -> f32 {
  let z = abs(x) * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  let tail = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let upper = 0.5 * t * expOf(tail - z * z);
  return select(select(upper, 1.0 - upper, x > 0.0), x, isNan(x));
}`,
  geluSlope: wgsl`
// The slope of x times normalCdf(x).
fn geluSlope(x: f32) -> f32 { return normalCdf(x) + x * expOf(-0.5 * x * x) * 0.39894228; }`,
  geluTanhSlope: wgsl`
// The slope of x times s, where s = sigmoid(1.5957691 (x + 0.044715 x^3)).
fn geluTanhSlope(x: f32) -> f32 {
  let s = sigmoid(1.5957691 * (x + 0.044715 * x * x * x));
  return s + x * s * (1.0 - s) * 1.5957691 * (1.0 + 0.134145 * x * x);
}`,
};

const exponentials = {
  expOf: wgsl`
fn expOf(x: f32) -> f32 {
  let y = select(select(exp(x), 0.0, x < -104.0), infinity(), x > 88.72283);
  return select(y, x, isNan(x));
}`,
  logNearOne: wgsl`
// ln(1 + t) for t from -0.5 to 1, as 2 artanh(t / (2 + t)). It does not depend on a sum 1 + t, which a compiler could
// fold; WGSL's log is only good to 2^-21 near 1. The first term left out is 2e-9 of the result.
fn logNearOne(t: f32) -> f32 {
  let s = t / (2.0 + t);
  let q = s * s;
  let tail = q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * (0.11111111 + q * (0.09090909 + q * (0.07692308 + q * 0.06666667))))));
  return 2.0 * (s + s * tail);
}`,
  logOf: wgsl`
fn logOf(x: f32) -> f32 {
  let finite = select(log(x), logNearOne(x - 1.0), x > 0.5 && x < 2.0);
  let y = select(select(finite, -infinity(), x == 0.0), nan(), x < 0.0);
  return select(y, x, isNan(x) || x >= infinity());
}`,
  log1p: wgsl`
fn log1p(x: f32) -> f32 { return select(logOf(1.0 + x), logNearOne(x), x > -0.5 && x < 1.0); }`,
  boundedLog: wgsl`
// PyTorch's BCELoss bounds logarithms at -100.
fn boundedLog(x: f32) -> f32 { return larger(logOf(x), -100.0); }`,
  boundedLog1p: wgsl`
fn boundedLog1p(x: f32) -> f32 { return larger(log1p(x), -100.0); }`,
  sqrtOf: wgsl`
fn sqrtOf(x: f32) -> f32 { return select(select(sqrt(x), nan(), x < 0.0), x, isNan(x)); }`,
};

const powers = {
  isWhole: wgsl`
fn isWhole(x: f32) -> bool { return floor(x) == x; }`,
  isOdd: wgsl`
// For whole numbers; from 2^24 on all are even.
fn isOdd(x: f32) -> bool { return abs(x) < 16777216.0 && (i32(x) & 1) == 1; }`,
  power: wgsl`
// IEEE 754's pow. WGSL's own is undefined for x < 0, for infinities and for 0 to the 0.
fn power(x: f32, y: f32) -> f32 {
  if ((y == 0.0 && !isNan(y)) || (x == 1.0 && !isNan(x))) { return 1.0; }
  if (isNan(x)) { return x; }
  if (isNan(y)) { return y; }
  if (y == 1.0) { return x; }
  if (y == 2.0) { return x * x; }
  if (y == 3.0) { return x * x * x; }
  if (y == -1.0) { return 1.0 / x; }
  let inf = infinity();
  let size = powerOfSize(abs(x), y);
  if (!(x < 0.0) && bitcast<u32>(x) != 0x80000000u) { return size; }
  // Infinities are whole and even.
  if (abs(y) == inf) { return size; }
  if (!isWhole(y)) { return select(nan(), size, x == 0.0 || x == -inf); }
  return select(size, -size, isOdd(y));
}`,
  powerOfSize: wgsl`
// For x from 0 to infinity and any y except 0 and NaN.
fn powerOfSize(x: f32, y: f32) -> f32 {
  let inf = infinity();
  if (x == 1.0) { return 1.0; }
  if (x == 0.0) { return select(inf, 0.0, y > 0.0); }
  if (x == inf) { return select(0.0, inf, y > 0.0); }
  let log2OfX = select(log2(x), 1.4426950 * logNearOne(x - 1.0), x > 0.5 && x < 2.0);
  if (abs(y) == inf) { return select(0.0, inf, (y > 0.0) == (x > 1.0)); }
  let exponent = y * log2OfX;
  return select(select(exp2(exponent), 0.0, exponent < -150.0), inf, exponent >= 128.0);
}`,
};

const casts = {
  toI32: wgsl`
// Towards zero. NaN becomes 0, and what is too large the largest number. PyTorch leaves these open.
fn toI32(x: f32) -> i32 {
  let inside = i32(clamp(x, -2147483648.0, 2147483520.0));
  return select(select(inside, 2147483647, x >= 2147483648.0), 0, isNan(x));
}`,
  toU32: wgsl`
fn toU32(x: f32) -> u32 {
  let inside = u32(clamp(x, 0.0, 4294967040.0));
  return select(select(inside, 4294967295u, x >= 4294967296.0), 0u, isNan(x));
}`,
  toBool: wgsl`
fn toBool(x: f32) -> u32 { return select(0u, 1u, x != 0.0 || isNan(x)); }`,
};

const functions: Readonly<Record<string, string>> = {
  isNan,
  infinity,
  nan,
  ...comparisons,
  ...activations,
  ...losses,
  ...waves,
  ...exponentials,
  ...powers,
  ...casts,
};

/**
 * The functions of this file with these names, and those that they call. Example: `floatFunctions('expOf', 'logOf')`.
 */
export function floatFunctions(...names: string[]): string {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (!Object.hasOwn(functions, name) || found.has(name)) return;
    found.add(name);
    for (const called of callsIn(functions[name])) add(called);
  };
  for (const name of names) add(name);
  return [...found].map((name) => functions[name]).join('\n\n');
}

/** The functions of this file that some WGSL calls. */
export const floatFunctionsIn = (code: string): string => floatFunctions(...callsIn(code));

const callsIn = (code: string): string[] => [...code.matchAll(/\b(\w+)\(/g)].map(([, name]) => name);
