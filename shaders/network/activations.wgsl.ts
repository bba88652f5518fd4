/** Activations and their derivatives by number, as src/network/activations.ts lists them. Functions only. */
import { wgsl } from '../wgsl.js';

export const activationFunctions = wgsl`
// The Maclaurin series near 0, where 1 - erfc would lose digits, and the Chebyshev fit of erfc in Numerical Recipes
// (section 6.2), whose relative error is at most 1.2e-7, beyond.
fn erfOf(x: f32) -> f32 {
  let size = abs(x);
  let s = x * x;
  let series = x * (1.1283792 + s * (-0.37612638 + s * (0.112837911 + s * (-0.026866171 + s * (0.0052239776 - s * 0.00085483270)))));
  let t = 1.0 / (1.0 + 0.5 * size);
  let tail = t * expOf(-s - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
    + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
  let far = select(tail - 1.0, 1.0 - tail, x > 0.0);
  return select(select(far, series, size < 0.5), x, isNan(x));
}

fn activate(code: u32, parameter: f32, x: f32) -> f32 {
  switch (code) {
    case 1u: { return relu(x); }
    case 2u: { return leakyRelu(x, parameter); }
    case 3u: { return tanhOf(x); }
    case 4u: { return sigmoid(x); }
    case 5u: { return 0.5 * x * (1.0 + erfOf(x * 0.70710678)); }
    case 6u: { return 0.5 * x * (1.0 + tanhOf(0.79788456 * (x + 0.044715 * x * x * x))); }
    case 7u: { return x * sigmoid(x); }
    case 8u: { return softplus(x); }
    case 9u: { return wholePower(x, u32(parameter)); }
    default: { return x; }
  }
}

// By x, or by y where that is enough.
fn derivative(code: u32, parameter: f32, x: f32, y: f32) -> f32 {
  switch (code) {
    case 1u: { return select(1.0, 0.0, y <= 0.0 && !isNan(y)); }
    case 2u: { return select(parameter, 1.0, x > 0.0 && !isNan(x)); }
    case 3u: { return 1.0 - y * y; }
    case 4u: { return y * (1.0 - y); }
    case 5u: { return 0.5 * (1.0 + erfOf(x * 0.70710678)) + x * 0.39894228 * expOf(-0.5 * x * x); }
    case 6u: {
      let t = tanhOf(0.79788456 * (x + 0.044715 * x * x * x));
      return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.79788456 * (1.0 + 0.134145 * x * x);
    }
    case 7u: {
      let s = sigmoid(x);
      return s * (1.0 + x * (1.0 - s));
    }
    case 8u: { return sigmoid(x); }
    case 9u: { return parameter * wholePower(x, u32(parameter) - 1u); }
    default: { return 1.0; }
  }
}

fn wholePower(x: f32, exponent: u32) -> f32 {
  var result = 1.0;
  for (var k = 0u; k < exponent; k++) { result *= x; }
  return result;
}
`;
