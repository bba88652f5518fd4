/** Copies words from one place on the device to another, which may be in the same buffer. */
import type { Device } from '../gpu/device.js';

/** A place in a buffer, by its first word. */
interface WordsAt {
  readonly buffer: GPUBuffer;
  readonly at: number;
}

/** Copies through another buffer, as WebGPU does not copy from a buffer to itself. */
export function copyWords({ commands, pool }: Device, from: WordsAt, to: WordsAt, words: number): void {
  const between = pool.take(4 * words);
  commands.copy(from.buffer, 4 * from.at, between, 0, 4 * words);
  commands.copy(between, 0, to.buffer, 4 * to.at, 4 * words);
  pool.give(between);
}
