/**
 * Activations and their derivatives, by the numbers that src/network/activations.ts gives them, four values at a time. NaN and
 * infinities behave as in shaders/shared/floats.wgsl.ts, which has these functions for single values. Functions only.
 */
import { wgsl } from '../wgsl.js';

export const activationFunctions = wgsl`
fn areNan(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }

/** e^x, also where the result is beyond the range of floats: there WGSL's exp may give anything. */
fn expOfAll(x: vec4f) -> vec4f {
  let y = select(exp(x), vec4f(), x < vec4f(-104.0));
  return select(select(y, vec4f(infinity()), x > vec4f(88.72283)), x, areNan(x));
}

/** ln(1 + t) for t from 0 to 1, as 2 artanh(t / (2 + t)): the sum 1 + t would lose the digits of a small t. */
fn logOnePlusAll(t: vec4f) -> vec4f {
  let s = t / (2.0 + t);
  let q = s * s;
  let tail = q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * (0.11111111 + q * (0.09090909 + q * (0.07692308
    + q * 0.06666667))))));
  return 2.0 * (s + s * tail);
}

fn sigmoidAll(x: vec4f) -> vec4f {
  let e = expOfAll(-abs(x));
  return select(select(vec4f(1.0), e, x < vec4f()) / (1.0 + e), x, areNan(x));
}

/** A series where x is small, as WGSL's tanh may subtract exponentials. A large x is clamped before they overflow. */
fn tanhAll(x: vec4f) -> vec4f {
  let s = x * x;
  let series = x * (1.0 + s * (-0.33333334 + s * (0.13333334 + s * -0.05396825)));
  let y = select(tanh(clamp(x, vec4f(-10.0), vec4f(10.0))), series, abs(x) < vec4f(0.1));
  return select(y, x, areNan(x));
}

/**
 * The error function. Near 0, where 1 - erfc would lose digits, by its Maclaurin series; elsewhere by the Chebyshev fit of erfc
 * in Numerical Recipes (section 6.2), whose relative error is at most 1.2e-7.
 */
fn erfAll(x: vec4f) -> vec4f {
  let s = x * x;
  let series = x * (1.1283792 + s * (-0.37612638 + s * (0.112837911 + s * (-0.026866171 + s * (0.0052239776
    - s * 0.00085483270)))));
  let t = 1.0 / (1.0 + 0.5 * abs(x));
  let tail = t * expOfAll(-s - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
    + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
  let far = select(tail - 1.0, 1.0 - tail, x > vec4f());
  return select(select(far, series, abs(x) < vec4f(0.5)), x, areNan(x));
}

fn wholePower(x: vec4f, exponent: u32) -> vec4f {
  var result = vec4f(1.0);
  for (var k = 0u; k < exponent; k++) { result *= x; }
  return result;
}

/** The tanh in the approximation of GELU. */
fn geluTanh(x: vec4f) -> vec4f { return tanhAll(0.79788456 * (x + 0.044715 * x * x * x)); }

fn activate(code: u32, parameter: f32, x: vec4f) -> vec4f {
  switch (code) {
    case 1u: { return select(x, vec4f(), x < vec4f()); }
    case 2u: { return select(x * parameter, x, (x > vec4f()) | areNan(x)); }
    case 3u: { return tanhAll(x); }
    case 4u: { return sigmoidAll(x); }
    case 5u: { return 0.5 * x * (1.0 + erfAll(x * 0.70710678)); }
    case 6u: { return 0.5 * x * (1.0 + geluTanh(x)); }
    case 7u: { return x * sigmoidAll(x); }
    case 8u: { return select(max(x, vec4f()) + logOnePlusAll(expOfAll(-abs(x))), x, areNan(x)); }
    case 9u: { return wholePower(x, u32(parameter)); }
    default: { return x; }
  }
}

/** The derivative at x, where the activation's value is y. Some need y only; then x is not given. */
fn derivative(code: u32, parameter: f32, x: vec4f, y: vec4f) -> vec4f {
  switch (code) {
    case 1u: { return select(vec4f(1.0), vec4f(), y <= vec4f()); }
    case 2u: { return select(vec4f(parameter), vec4f(1.0), x > vec4f()); }
    case 3u: { return 1.0 - y * y; }
    case 4u: { return y * (1.0 - y); }
    case 5u: { return 0.5 * (1.0 + erfAll(x * 0.70710678)) + x * 0.39894228 * expOfAll(-0.5 * x * x); }
    case 6u: {
      let t = geluTanh(x);
      return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.79788456 * (1.0 + 0.134145 * x * x);
    }
    case 7u: {
      let s = sigmoidAll(x);
      return s * (1.0 + x * (1.0 - s));
    }
    case 8u: { return sigmoidAll(x); }
    case 9u: { return parameter * wholePower(x, u32(parameter) - 1u); }
    default: { return vec4f(1.0); }
  }
}
`;
