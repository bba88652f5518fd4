/**
 * The shuffle of shuffle.ts in WebAssembly (shuffle.wat), with 128-bit vectors. It gives the same numbers as the TypeScript
 * in a fifth of the time. The module works on a few blocks of the generator at a time: it draws the words, computes where
 * each swap reaches, and swaps. Each list has an instance of the module with a memory of its own.
 */
import { MT_BLOCK, type Mt19937 } from './mt19937.js';
import { MODULE } from './shuffle.wasm.js';
import type { ShuffledList } from './shuffled-list.js';
import { compile } from './wasm.js';

/** What shuffle.wat exports. Addresses are in bytes, positions and lengths in elements. */
interface ShuffleExports {
  memory: WebAssembly.Memory;
  /** Blocks of the generator's words that the memory has room for: the one under way and those made at a time. */
  blocks: WebAssembly.Global<'i32'>;
  /** Addresses: those blocks before tempering, and after it; how many elements the table holds; the list or the table. */
  states: WebAssembly.Global<'i32'>;
  words: WebAssembly.Global<'i32'>;
  moved: WebAssembly.Global<'i32'>;
  list: WebAssembly.Global<'i32'>;
  fill(from: number, to: number): void;
  twist(from: number, to: number): void;
  reach(from: number, to: number, first: number, length: number): void;
  swap(from: number, to: number, first: number): void;
  swapMoved(from: number, to: number, first: number, scale: number): void;
}

const BLOCK_BYTES = 4 * MT_BLOCK;
/** Bytes that the last vector may reach beyond the last word. */
const SLACK = 12;

/** A list this long begins as a table of the elements that were moved. */
const LONG = 2 ** 22;
/** The table has one place for every 32 elements of the list, of which at most three quarters are used. */
const SHARE = 32;
const FULLEST = 0.75;
/** Spare places behind the table, for elements whose own place near its end is taken. */
const SPARE = 4096;

let compiled: WebAssembly.Module | undefined;
let refused = false;

/**
 * A list whose shuffle runs in WebAssembly.
 *
 * A long list begins as a table of the elements that were moved. For 12.8 million elements it takes 3 MB instead of 51, which
 * the operating system would provide page by page in 20 to 80 ms. After 300,000 swaps the table becomes the whole list.
 */
export class VectorList implements ShuffledList {
  readonly #exports: ShuffleExports;
  readonly #length: number;
  /** Places in the table of moved elements; 0 once there is the whole list. */
  #places = 0;
  #states: Uint32Array[] = [];
  #blocks: Uint32Array[] = [];
  #words: Uint32Array = new Uint32Array(0);
  /** One number: how many elements the table holds. */
  #moved: Uint32Array = new Uint32Array(1);

  /** Undefined where WebAssembly is missing, forbidden, has no vectors, or gives no more memories. */
  static create(length: number, whole = length < LONG): VectorList | undefined {
    if (refused) return undefined;
    try {
      compiled ??= compile(MODULE);
      const exports = new WebAssembly.Instance(compiled).exports as unknown as ShuffleExports;
      return new VectorList(exports, length, whole);
    } catch {
      // A memory takes address space, not only bytes, and asking in vain takes 10 ms: not again and again.
      refused = true;
      return undefined;
    }
  }

  private constructor(exports: ShuffleExports, length: number, whole: boolean) {
    this.#exports = exports;
    this.#length = length;
    if (!whole) this.#places = Math.ceil(length / SHARE);
    this.#grow(whole ? 4 * length + SLACK : 8 * (this.#places + SPARE));
    if (whole) this.restart();
  }

  /** Grows the memory so that a list or table of `bytes` bytes fits. */
  #grow(bytes: number): void {
    const { memory, blocks, states, words, moved } = this.#exports;
    const missing = this.#list + bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    const blocksAt = (at: number) =>
      Array.from({ length: blocks.value }, (_, b) => this.#view(at + b * BLOCK_BYTES, MT_BLOCK));
    this.#states = blocksAt(states.value);
    this.#blocks = blocksAt(words.value);
    this.#words = this.#view(words.value, blocks.value * MT_BLOCK);
    this.#moved = this.#view(moved.value, 1);
  }

  #view(at: number, words: number): Uint32Array {
    return new Uint32Array(this.#exports.memory.buffer, at, words);
  }

  restart(): void {
    this.#moved[0] = 0;
    if (this.#places > 0) this.#table.fill(0);
    else this.#exports.fill(this.#list, this.#list + 4 * this.#length);
  }

  /** The address of the list, or of the table. */
  get #list(): number {
    return this.#exports.list.value;
  }

  get #table(): Uint32Array {
    return this.#view(this.#list, 2 * (this.#places + SPARE));
  }

  last(): number {
    return this.#view(this.#list + 4 * (this.#length - 1), 1)[0];
  }

  take(engine: Mt19937, position: number, count: number, out: Uint32Array, offset: number): void {
    for (let done = 0; done < count; ) {
      engine.settle();
      const from = engine.position;
      const some = this.#draw(engine, count - done);
      const first = position + done;
      const begin = this.#exports.words.value + 4 * from;
      const end = begin + 4 * some;
      this.#exports.reach(begin, end, first, this.#length);
      if (this.#roomFor(some)) this.#exports.swapMoved(begin, end, first, this.#scale);
      else this.#exports.swap(begin, end, first);
      out.set(this.#words.subarray(from, from + some), offset + done);
      done += some;
    }
  }

  get #scale(): number {
    return Math.floor((this.#places * 2 ** 32) / this.#length);
  }

  /** Whether the table has room for `swaps` more swaps. If it would be too full, it becomes the whole list. */
  #roomFor(swaps: number): boolean {
    if (this.#places === 0) return false;
    if (this.#moved[0] + swaps <= FULLEST * this.#places) return true;
    const table = this.#table.slice();
    this.#places = 0;
    this.#grow(4 * this.#length + SLACK); // what is in the memory stays
    this.restart();
    const list = this.#view(this.#list, this.#length);
    for (let at = 0; at < table.length; at += 2) {
      if (table[at] !== 0) list[table[at] - 1] = table[at + 1];
    }
    return false;
  }

  /** Puts at most `most` of the engine's next words into the memory. Returns how many. */
  #draw(engine: Mt19937, most: number): number {
    const from = engine.position;
    const count = Math.min(most, this.#words.length - from);
    this.#blocks[0].set(engine.block);
    const more = Math.max(0, Math.ceil((from + count) / MT_BLOCK) - 1);
    if (more > 0) {
      this.#states[0].set(engine.state);
      const { states, twist } = this.#exports;
      twist(states.value, states.value + more * BLOCK_BYTES);
      engine.state.set(this.#states[more]);
      engine.block.set(this.#blocks[more]);
    }
    engine.position = from + count - more * MT_BLOCK;
    return count;
  }
}
