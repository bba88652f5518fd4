/**
 * The counter-based random generator Philox 4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011). Its words
 * are a function of a counter and a key: none has to be drawn before another. Functions only.
 */
import { wgsl } from '../wgsl.js';

export const philoxFunctions = wgsl`
/** The upper 32 bits of the product of two words, from the products of their halves. */
fn upperProduct(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu;
  let bLow = b & 0xffffu;
  let first = (a >> 16u) * bLow + ((aLow * bLow) >> 16u);
  let second = aLow * (b >> 16u) + (first & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u);
}

fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let upper0 = upperProduct(c.x, 0xd2511f53u);
    let upper1 = upperProduct(c.z, 0xcd9e8d57u);
    c = vec4u(upper1 ^ c.y ^ k.x, c.z * 0xcd9e8d57u, upper0 ^ c.w ^ k.y, c.x * 0xd2511f53u);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
`;
