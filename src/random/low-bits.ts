/**
 * The lowest bit of each of MT19937's outputs, packed 32 to a word: all that `randint(0, 2)` takes. After 638,000 draws each
 * bit is the xor of 134 earlier ones (mt19937-polynomial.ts), so that a loop over 128-bit vectors in WebAssembly
 * (low-bits.wat) makes them without the other 31 bits. A draw costs 0.25 ns; where there is no WebAssembly, whole outputs
 * are drawn, at 3.5 ns.
 */

import { MODULE } from './low-bits.wasm.js';
import { MT_BLOCK, type Mt19937 } from './mt19937.js';
import { DEGREE } from './mt19937-polynomial.js';
import { compile } from './wasm.js';

/** Words that one call of the loop makes: few enough that they and the 19937 before them stay in a core's cache. */
const CHUNK = 16384;

/**
 * Passes the lowest bits of the next `draws` outputs to `take`, in order, as lists of whole words; the first draw is a
 * word's lowest bit. Unused bits of the last word are unspecified. A list is overwritten after `take` returns.
 */
export function lowBits(engine: Mt19937, draws: number, take: (words: Uint32Array) => void): void {
  const total = Math.ceil(draws / 32);
  const loop = total > DEGREE ? feedbackLoop() : undefined;
  const memory = loop?.memory ?? new Uint32Array(Math.min(total, DEGREE));
  let done = 0;
  do {
    const count = Math.min(total - done, DEGREE);
    for (let k = 0; k < count; k++) memory[k] = drawBits(Math.min(32, draws - 32 * (done + k)), engine);
    take(memory.subarray(0, count));
    done += count;
  } while (done < total && !loop);
  if (!loop || done === total) return;
  engine.skip(draws - 32 * done);
  for (; done < total; done += CHUNK) {
    loop.run(0, 4 * CHUNK);
    take(memory.subarray(DEGREE, DEGREE + Math.min(CHUNK, total - done)));
    memory.copyWithin(0, CHUNK, CHUNK + DEGREE);
  }
}

/** The low bits of the next `count` draws (1 to 32), the first draw lowest. */
export function drawBits(count: number, engine: Mt19937): number {
  let bits = 0;
  let left = count;
  while (left > 0) {
    if (engine.position === MT_BLOCK) engine.refill();
    const { block, position } = engine;
    const run = Math.min(left, MT_BLOCK - position);
    // Each draw enters at the top; after 32 the first has reached bit 0.
    for (let k = position; k < position + run; k++) bits = (bits >>> 1) | (block[k] << 31);
    engine.position = position + run;
    left -= run;
  }
  return bits >>> (32 - count);
}

interface FeedbackLoop {
  /** The last 19937 words, then room for the next ones. */
  memory: Uint32Array;
  /** Makes the words that belong 19937 after those from byte `from` to byte `to`; whole vectors. */
  run(from: number, to: number): void;
}

let compiled: WebAssembly.Module | undefined;

/** Undefined where WebAssembly is missing, forbidden, or has no vectors. */
function feedbackLoop(): FeedbackLoop | undefined {
  try {
    compiled ??= compile(MODULE);
    const { memory, run } = new WebAssembly.Instance(compiled).exports;
    return {
      memory: new Uint32Array((memory as WebAssembly.Memory).buffer),
      run: run as FeedbackLoop['run'],
    };
  } catch {
    return undefined;
  }
}
