/**
 * Pieces of WebAssembly's binary format, as far as the loops here need them: a module is put together from lists of
 * bytes, an instruction each. Opcodes: webassembly.github.io/spec/core/binary/instructions.html. No loops here, and
 * no compiling.
 */

/** One instruction or several behind one another. */
export type Code = readonly number[];

/** A function without result that is exported under its name. */
export interface WasmFunction {
  name: string;
  /** Parameters, all i32: locals 0 and on. */
  params: number;
  /** Further locals behind them: first those of type i32, then those of type v128. */
  locals?: { i32?: number; v128?: number };
  code: Code;
}

const [I32, V128, FUNCTION] = [0x7f, 0x7b, 0x60];
const PAGE = 65536;

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
export const tee = (local: number): Code => [0x22, local];
/** Loads and stores take a constant number of bytes that is added to the address. */
export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value | 0)],
  load: (offset: number): Code => [0x28, 2, ...leb(offset)],
  store: (offset: number): Code => [0x36, 2, ...leb(offset)],
  equalsZero: [0x45] as Code,
  equal: [0x46] as Code,
  lessU: [0x49] as Code,
  add: [0x6a] as Code,
  sub: [0x6b] as Code,
  and: [0x71] as Code,
  shl: [0x74] as Code,
};
/** Of three: the first where the third is not 0, else the second. */
export const select: Code = [0x1b];

/** Instructions of 128-bit vectors. */
const vector = (opcode: number): Code => [0xfd, ...leb(opcode)];
export const v128 = {
  load: (offset: number): Code => [...vector(0x00), 2, ...leb(offset)],
  store: (offset: number): Code => [...vector(0x0b), 2, ...leb(offset)],
  const: (lanes: Int32Array | Float64Array): Code => [...vector(0x0c), ...new Uint8Array(lanes.buffer)],
  /** Bytes of two vectors behind one another, by their numbers. */
  shuffle: (bytes: readonly number[]): Code => [...vector(0x0d), ...bytes],
  and: vector(0x4e),
  xor: vector(0x51),
  /** Of three: bits of the first where the third has ones, of the second elsewhere. */
  bitselect: vector(0x52),
};
export const i32x4 = {
  splat: vector(0x11),
  const: (value: number): Code => v128.const(new Int32Array(4).fill(value)),
  shl: (bits: number): Code => [...i32.const(bits), ...vector(0xab)],
  shrS: (bits: number): Code => [...i32.const(bits), ...vector(0xac)],
  shrU: (bits: number): Code => [...i32.const(bits), ...vector(0xad)],
  neg: vector(0xa1),
  add: vector(0xae),
  sub: vector(0xb1),
  mul: vector(0xb5),
};
export const f64x2 = {
  const: (value: number): Code => v128.const(new Float64Array(2).fill(value)),
  convertLowI32x4S: vector(0xfe),
  convertLowI32x4U: vector(0xff),
  add: vector(0xf0),
  sub: vector(0xf1),
  div: vector(0xf3),
};

/**
 * Repeats `code` while the address in parameter 0 and `reach` bytes more are below parameter 1, and adds `step` bytes
 * to it each time.
 */
export function whileBelow(step: number, reach: number, ...code: Code[]): Code {
  const below = [get(0), i32.const(reach), i32.add, get(1), i32.lessU].flat();
  const round = [...code.flat(), ...[get(0), i32.const(step), i32.add, set(0)].flat(), ...below];
  return [...below, 0x04, 0x40, 0x03, 0x40, ...round, 0x0d, 0, 0x0b, 0x0b]; // if, loop, br_if
}

/** Repeats `code`; inside, `leave` ends it where there is something other than 0. */
export const forever = (...code: Code[]): Code => [
  0x02,
  0x40,
  0x03,
  0x40,
  ...code.flat(),
  0x0c,
  0,
  0x0b,
  0x0b,
];
export const leave: Code = [0x0d, 1];

/** The upper half of the product of two locals of type i32, without signs. */
export const highProduct = (a: number, b: number): Code =>
  [get(a), [0xad], get(b), [0xad], [0x7e], [0x42, 32], [0x88], [0xa7]].flat(); // extend, mul, shr_u 32, wrap

/** Runs `code` for vector after vector from parameter 0 to parameter 1; the last may reach beyond. */
export const eachVector = (...code: Code[]): Code => whileBelow(16, 0, ...code);

/** A module with one memory, exported as `memory`, of at least so many bytes, and the functions. */
export function wasmModule(memoryBytes: number, functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const each = (of: (fn: WasmFunction, k: number) => number[]) => [
    functions.length,
    ...functions.flatMap(of),
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version
    ...section(
      1,
      each(({ params }) => [FUNCTION, params, ...Array<number>(params).fill(I32), 0]),
    ),
    ...section(
      3,
      each((_, k) => [k]),
    ),
    ...section(5, [1, 0, ...leb(Math.ceil(memoryBytes / PAGE))]),
    ...section(7, [
      functions.length + 1,
      ...[...text('memory'), 2, 0],
      ...functions.flatMap(({ name }, k) => [...text(name), 0, k]),
    ]),
    ...section(10, each(body)),
  ]);
}

function body({ locals = {}, code }: WasmFunction): number[] {
  const { i32: words = 0, v128: vectors = 0 } = locals;
  const content = [2, words, I32, vectors, V128, ...code, 0x0b];
  return [...leb(content.length), ...content];
}

function section(id: number, content: number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function text(name: string): number[] {
  return [name.length, ...new TextEncoder().encode(name)];
}

/** An unsigned number in LEB128: 7 bits a byte, lowest first, the top bit where more follow. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

/** A signed one: it ends where all that follows is the sign, which bit 6 of the last byte has. */
function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}
