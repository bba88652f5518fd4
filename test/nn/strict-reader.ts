/**
 * A second reader of safetensors files, written from the published format alone and in another way than the library's: one
 * walk over the bytes, all numbers BigInts. It is the referee of the fuzz test. Slow, and not for anything else.
 */

export interface Read {
  metadata: Map<string, string>;
  tensors: Map<string, { dtype: string; shape: number[]; bytes: Uint8Array }>;
}

/** What a file is refused for. */
export class Refused extends Error {}

const BITS: [dtypes: string, bits: bigint][] = [
  ['F4', 4n],
  ['F6_E2M3 F6_E3M2', 6n],
  ['BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ', 8n],
  ['I16 U16 F16 BF16', 16n],
  ['I32 U32 F32', 32n],
  ['C64 F64 I64 U64', 64n],
];

type Value = { kind: string; text: string; list: Value[]; members: Map<string, Value> };

function must(holds: boolean, why: string): asserts holds {
  if (!holds) throw new Refused(why);
}

/** JSON over bytes. */
class Walk {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}

  skip(): void {
    while ([0x20, 0x09, 0x0a, 0x0d].includes(this.bytes[this.at])) this.at++;
  }

  char(): string {
    return this.at < this.bytes.length ? String.fromCharCode(this.bytes[this.at]) : '';
  }

  expect(char: string): void {
    must(this.char() === char, `${char} expected at ${this.at}`);
    this.at++;
  }

  value(): Value {
    this.skip();
    const value: Value = { kind: '', text: '', list: [], members: new Map() };
    const char = this.char();
    if (char === '{') this.members(value);
    else if (char === '[') this.list(value);
    else if (char === '"') Object.assign(value, { kind: 'string', text: this.string() });
    else this.word(value);
    this.skip();
    return value;
  }

  members(value: Value): void {
    value.kind = 'object';
    this.expect('{');
    this.skip();
    while (this.char() !== '}') {
      if (value.members.size > 0) this.expect(',');
      this.skip();
      const key = this.string();
      this.skip();
      this.expect(':');
      must(!value.members.has(key), `duplicate key ${key}`);
      value.members.set(key, this.value());
    }
    this.expect('}');
  }

  list(value: Value): void {
    value.kind = 'list';
    this.expect('[');
    this.skip();
    while (this.char() !== ']') {
      if (value.list.length > 0) this.expect(',');
      value.list.push(this.value());
    }
    this.expect(']');
  }

  word(value: Value): void {
    let text = '';
    while (/[-+.a-zA-Z0-9]/.test(this.char())) {
      text += this.char();
      this.at++;
    }
    const isNumber = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/.test(text);
    must(isNumber || ['true', 'false', 'null'].includes(text), `no JSON: ${text}`);
    value.kind = /^[0-9]+$/.test(text) ? 'whole' : isNumber ? 'number' : text;
    value.text = text;
  }

  string(): string {
    this.expect('"');
    let text = '';
    while (this.char() !== '"') {
      must(this.at < this.bytes.length && this.bytes[this.at] >= 0x20, 'a control character in a string');
      if (this.char() === '\\') text += this.escape();
      else text += this.codePoint();
    }
    this.at++;
    must(!/[\ud800-\udfff]/u.test(text), 'half of a surrogate pair');
    return text;
  }

  escape(): string {
    const kind = String.fromCharCode(this.bytes[this.at + 1] ?? 0);
    this.at += 2;
    const plain = '"\\/bfnrt'.indexOf(kind);
    if (plain >= 0) return '"\\/\b\f\n\r\t'[plain];
    const hex = String.fromCharCode(...this.bytes.subarray(this.at, this.at + 4));
    must(kind === 'u' && /^[0-9a-fA-F]{4}$/.test(hex), 'an unknown escape');
    this.at += 4;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  /** One character of UTF-8, shortest form only. */
  codePoint(): string {
    const first = this.bytes[this.at++];
    if (first < 0x80) return String.fromCharCode(first);
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    must(first >= 0xc2 && first <= 0xf4, 'invalid UTF-8');
    let code = first & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const next = this.bytes[this.at++] ?? 0;
      must(next >> 6 === 2, 'invalid UTF-8');
      code = (code << 6) | (next & 0x3f);
    }
    const least = [0, 0x80, 0x800, 0x10000][more];
    must(code >= least && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff), 'invalid UTF-8');
    return String.fromCodePoint(code);
  }
}

const LARGEST = 2n ** 53n - 1n;

function wholes(value: Value | undefined, what: string): bigint[] {
  must(value?.kind === 'list', `${what} is no list`);
  return value.list.map(({ kind, text }) => {
    must(kind === 'whole' && BigInt(text) <= LARGEST, `${what} has ${text}`);
    return BigInt(text);
  });
}

/** The tensors of a file. @throws Refused */
export function strictRead(file: Uint8Array): Read {
  must(file.length >= 8, 'no length');
  const length = file.subarray(0, 8).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  must(length <= 100_000_000n && length <= BigInt(file.length - 8), 'the header is too long');
  const data = file.subarray(8 + Number(length));
  const walk = new Walk(file.subarray(8, 8 + Number(length)));
  must(walk.char() === '{', 'does not begin with {');
  const { members } = walk.value();
  must(walk.at === walk.bytes.length, 'more after the header');
  const read: Read = { metadata: new Map(), tensors: new Map() };
  const places: [bigint, bigint][] = [];
  for (const [name, value] of members) {
    must(value.kind === 'object', `${name} is no object`);
    if (name === '__metadata__') {
      for (const [key, text] of value.members) {
        must(text.kind === 'string', 'metadata that is no text');
        read.metadata.set(key, text.text);
      }
      continue;
    }
    const dtype = value.members.get('dtype');
    const bits =
      dtype?.kind === 'string' && BITS.find(([names]) => names.split(' ').includes(dtype.text))?.[1];
    must(!!bits, 'an unknown dtype');
    const shape = wholes(value.members.get('shape'), 'shape');
    const place = wholes(value.members.get('data_offsets'), 'data_offsets');
    must(place.length === 2 && place[0] <= place[1], 'no place');
    must(shape.reduce((a, b) => a * b, bits) === (place[1] - place[0]) * 8n, 'shape and place differ');
    places.push([place[0], place[1]]);
    const bytes = data.subarray(Number(place[0]), Number(place[1]));
    read.tensors.set(name, { dtype: dtype!.text, shape: shape.map(Number), bytes });
  }
  // Every byte is some tensor's, and one's only.
  const filled = places.filter(([a, b]) => a < b).sort(([a], [b]) => (a < b ? -1 : 1));
  const marks = [0n, ...filled.flat(), BigInt(data.length)];
  for (let i = 0; i < marks.length; i += 2) must(marks[i] === marks[i + 1], 'a hole or an overlap');
  // An empty tensor lies between two others.
  const borders = new Set(marks);
  for (const [a, b] of places) must(a < b || borders.has(a), 'an empty tensor in the middle of another');
  return read;
}

/** The numbers that a tensor has to hold in the library; undefined where it has to refuse them. */
export function numbersOf(
  dtype: string,
  bytes: Uint8Array,
): { dtype: string; numbers: number[] } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const all = (size: number, get: (at: number) => number) =>
    Array.from({ length: bytes.length / size }, (_, i) => get(i * size));
  const within = (type: string, low: number, high: number, numbers: number[]) =>
    numbers.every((n) => n >= low && n <= high) ? { dtype: type, numbers } : undefined;
  const i32 = (numbers: number[]) => within('i32', -(2 ** 31), 2 ** 31 - 1, numbers);
  const u32 = (numbers: number[]) => within('u32', 0, 2 ** 32 - 1, numbers);
  const f32 = (numbers: number[]) => ({ dtype: 'f32', numbers });
  switch (dtype) {
    case 'F32':
      return f32(all(4, (at) => view.getFloat32(at, true)));
    case 'BF16':
      return f32(
        all(2, (at) => new DataView(Uint8Array.of(bytes[at + 1], bytes[at], 0, 0).buffer).getFloat32(0)),
      );
    case 'F16':
      return f32(all(2, (at) => half(view.getUint16(at, true))));
    case 'F64': {
      const exact = all(8, (at) => view.getFloat64(at, true));
      const numbers = exact.map(Math.fround);
      return numbers.some((n, i) => Math.abs(n) === Infinity && n !== exact[i]) ? undefined : f32(numbers);
    }
    case 'I64':
      return i32(all(8, (at) => Number(view.getBigInt64(at, true))));
    case 'U64':
      return u32(all(8, (at) => Number(view.getBigUint64(at, true))));
    case 'I32':
      return i32(all(4, (at) => view.getInt32(at, true)));
    case 'U32':
      return u32(all(4, (at) => view.getUint32(at, true)));
    case 'I16':
      return i32(all(2, (at) => view.getInt16(at, true)));
    case 'U16':
      return u32(all(2, (at) => view.getUint16(at, true)));
    case 'I8':
      return i32(all(1, (at) => view.getInt8(at)));
    case 'U8':
      return u32(all(1, (at) => view.getUint8(at)));
    case 'BOOL':
      return within(
        'bool',
        0,
        1,
        all(1, (at) => view.getUint8(at)),
      );
    default:
      return undefined;
  }
}

/** A float16's bits as those of a float32: the exponent's bias is 112 larger, the fraction 13 bits longer. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const rest = bits & 0x7fff;
  if (rest < 0x400) return sign * rest * 2 ** -24;
  const wide = rest >= 0x7c00 ? (rest << 13) | 0x7f800000 : (rest << 13) + (112 << 23);
  return sign * new Float32Array(Uint32Array.of(wide).buffer)[0];
}
