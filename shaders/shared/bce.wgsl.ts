/**
 * Sigmoid and binary cross-entropy of one logit as PyTorch computes them (BCELoss on Sigmoid, float32): the loss with
 * both logs clamped at -100, and dL/dz with the saturation that `p (1 - p)` has in float32. A WGSL fragment, no
 * kernel of its own.
 *
 * `exp` and `log` are our own, after Cephes' expf and logf (Moshier, https://www.netlib.org/cephes/, single
 * precision; about 1 ulp), so that the loss curves of two adapters agree. WGSL's log() is only good to an absolute
 * 2^-21 near 1, which is where a trained network's p is, and drivers differ.
 */
import { wgsl } from '../wgsl.js';
import { isNan } from './floats.wgsl.js';

export const bce = wgsl`
struct Bce { loss: f32, gradient: f32, correct: bool }

${isNan}

/** e^x for x in [-87, 88]; outside, the value at the bound. */
fn expCephes(argument: f32) -> f32 {
  let x = clamp(argument, -87.0, 88.0);
  let n = floor(x * 1.44269504088896341 + 0.5);
  let r = (x - n * 0.693359375) - n * -2.12194440e-4;
  var y = 1.9875691500e-4;
  y = y * r + 1.3981999507e-3;
  y = y * r + 8.3334519073e-3;
  y = y * r + 4.1665795894e-2;
  y = y * r + 1.6666665459e-1;
  y = y * r + 5.0000001201e-1;
  y = (y * (r * r) + r) + 1.0;
  return y * bitcast<f32>(u32(i32(n) + 127) << 23u);
}

/** ln x for a normal x > 0. */
fn logCephes(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var e = f32(i32(bits >> 23u) - 126);
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);
  if (m < 0.70710678118654752) {
    e -= 1.0;
    m = m + m;
  }
  m -= 1.0;
  let z = m * m;
  var y = 7.0376836292e-2;
  y = y * m - 1.1514610310e-1;
  y = y * m + 1.1676998740e-1;
  y = y * m - 1.2420140846e-1;
  y = y * m + 1.4249322787e-1;
  y = y * m - 1.6668057665e-1;
  y = y * m + 2.0000714765e-1;
  y = y * m - 2.4999993993e-1;
  y = y * m + 3.3333331174e-1;
  y = y * m * z;
  y += e * -2.12194440e-4;
  y -= 0.5 * z;
  return (m + y) + e * 0.693359375;
}

/** max(ln x, -100), x in [0, 1]: below the smallest normal number ln x counts as -infinity. */
fn clampedLog(x: f32) -> f32 {
  return select(-100.0, logCephes(x), x >= 1.17549435e-38);
}

/** NaN stays NaN; expCephes alone could turn it into a bound. */
fn sigmoid(z: f32) -> f32 {
  return select(1.0 / (1.0 + expCephes(-z)), z, isNan(z));
}

/** Whether a logit's answer is 1: p is at least 0.5, and not NaN. */
fn answersOne(z: f32) -> bool {
  return sigmoid(z) >= 0.5 && !isNan(z);
}

/** y is 0 or 1. The gradient is that of one example, not yet divided by the batch size. For a NaN both are NaN. */
fn bce(z: f32, y: f32) -> Bce {
  let p = sigmoid(z);
  let q = 1.0 - p;
  let loss = select(-(y * clampedLog(p) + (1.0 - y) * clampedLog(q)), z, isNan(z));
  let gradient = (p - y) / max(p * q, 1e-12) * (p * q);
  return Bce(loss, gradient, (p >= 0.5 && !isNan(z)) == (y >= 0.5));
}
`;
