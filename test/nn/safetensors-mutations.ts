/**
 * Valid safetensors files and files made of them by small changes, the same ones every time: bits, lengths, and edits of
 * the header that keep its length right. For the tests, and for safetensors_verdicts.py. No assertions. Run by itself it
 * prints the corpus that the verdicts are about.
 */
import { pathToFileURL } from 'node:url';
import { Generator } from '../../src/random/generator.js';

/** A file of this header and these values; the length is the header's own. */
export function fileOf(header: string | Uint8Array, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

const entry = (dtype: string, shape: number[], start: number, end: number) =>
  `{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${start},${end}]}`;
/** Small values, of which every dtype can make something. */
const values = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i % 4 === 3 ? 0x40 : i & 1));

/** Files that every reader takes. */
export const VALID: Uint8Array[] = [
  fileOf('{}'),
  fileOf(`{"w":${entry('F32', [1, 2], 0, 8)}}  `, values(8)),
  fileOf(
    `{"__metadata__":{"a":"b","ü":"\\u00e9"},"b":${entry('BOOL', [3], 16, 19)},"a.x":${entry('F32', [2, 2], 0, 16)}}`,
    Uint8Array.from([...values(16), 1, 0, 1]),
  ),
  fileOf(
    `{"s":${entry('I32', [], 0, 4)},"e":${entry('U32', [0, 7], 4, 4)},"h":${entry('F16', [1, 3], 4, 10)},` +
      `"i":${entry('I64', [1], 10, 18)},"u":${entry('U8', [2], 18, 20)}}   `,
    Uint8Array.from([...values(10), 9, 0, 0, 0, 0, 0, 0, 0, 7, 255]),
  ),
  fileOf(`{"größe":${entry('BF16', [2], 0, 4)},"t":${entry('F64', [1], 4, 12)}}`, values(12)),
];

/** Edits of a header's text: what is looked for, and what comes instead. */
const EDITS: [RegExp, string[]][] = [
  [
    /\d+/,
    [
      '0',
      '1',
      '2',
      '-1',
      '1.0',
      '1e0',
      '01',
      '-0',
      '8.5',
      '99999999999',
      '9007199254740993',
      '18446744073709551616',
    ],
  ],
  [/\d+/, ['4', '8', '16', 'null', '"1"', '[1]', '{}', 'true', 'NaN', 'Infinity', '', '1 ', '0x1']],
  [
    /"(F32|BOOL|I32|U32|F16|I64|U8|BF16|F64)"/,
    ['"F64"', '"BOOL"', '"I8"', '"F8_E4M3"', '"F4"', '"C64"', '"U16"', '"BF16"'],
  ],
  [
    /"(F32|BOOL|I32|U32|F16|I64|U8|BF16|F64)"/,
    ['"f32"', '"toString"', '"__proto__"', '"constructor"', 'null', '1', '["F32"]'],
  ],
  [/"(dtype|shape|data_offsets)"/, ['"dtype"', '"shape"', '"data_offsets"', '"__proto__"', '"x"']],
  [
    /"(w|a\.x|s|e|t|b|größe)":/,
    [
      '"__proto__":',
      '"__metadata__":',
      '"constructor":',
      '"":',
      '"w":',
      '"\\ud800":',
      '"a\\u001b[31m":',
      '"\\u0077":',
    ],
  ],
  [
    /\{"a":"b"/,
    ['{"a":1', '{"a":null', '{"a":"b","a":"c"', '["a"', '"x"', 'null', '{"__proto__":"b"', '{"a":{"b":"c"}'],
  ],
  [
    /\}\}/,
    [
      '},"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
      ',"x":1}}',
      ',"shape":[1]}}',
      '}',
      '}},',
      '}}x',
      '}}\n',
      '}}\0',
    ],
  ],
  [
    /\{/,
    [
      ' {',
      '\n{',
      '\ufeff{',
      '[',
      '{,',
      '/**/{',
      '{"__metadata__":{},',
      '{"__metadata__":null,',
      '{"\u001b]0;x\u0007":1,',
    ],
  ],
  [/,/, [',,', ' ,\t', '', ';', ', "z":1,', ',"__proto__":{"polluted":1},']],
  [/\[/, ['[[', '{', '[0,', '[4294967296,4294967296,4294967296,', '[ ']],
];

/** One change, drawn from `g`. */
function changed(file: Uint8Array, g: Generator): Uint8Array {
  const pick = (below: number) => g.randint(0, Math.max(1, below));
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const copy = file.slice();
  switch (pick(16)) {
    case 0: // a bit of the length
      copy[pick(8)] ^= 1 << pick(8);
      return copy;
    case 1: // cut off
      return copy.slice(0, pick(copy.length));
    case 2: // longer
      return Uint8Array.from([...copy, ...values(1 + pick(9))]);
    case 3: // a byte of the header
      copy[8 + pick(Math.min(length, copy.length - 8))] = pick(256);
      return copy;
    case 4:
    case 5: // a bit of the header, or of the values
      copy[8 + pick(copy.length - 8)] ^= 1 << pick(8);
      return copy;
    default: {
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(copy.subarray(8, 8 + length));
      const [pattern, instead] = EDITS[pick(EDITS.length)];
      const places = [...text.matchAll(new RegExp(pattern, 'g'))];
      if (places.length === 0) return copy;
      const { index, 0: found } = places[pick(places.length)];
      const edited = text.slice(0, index) + instead[pick(instead.length)] + text.slice(index + found.length);
      return fileOf(edited, copy.subarray(Math.min(copy.length, 8 + length)));
    }
  }
}

const SIZES = {
  F32: 4,
  I32: 4,
  U32: 4,
  BOOL: 1,
  F16: 2,
  BF16: 2,
  F64: 8,
  I64: 8,
  U64: 8,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
};

/**
 * A file of up to five tensors, named in another order than they lie. Valid, but for one in twelve, which has a hole or an
 * overlap of one byte; and one in four has values of any bits.
 */
function anyFile(g: Generator): Uint8Array {
  let end = 0;
  const shifted = g.randint(0, 24); // which tensor, and beyond five none
  const entries = Array.from({ length: g.randint(0, 6) }, (_, i) => {
    const [dtype, size] = Object.entries(SIZES)[g.randint(0, 13)];
    const shape = Array.from({ length: g.randint(0, 4) }, () => g.randint(0, 4));
    const start = i === shifted && end > 0 ? end + [-1, 1][g.randint(0, 2)] : end;
    end = start + shape.reduce((product, extent) => product * extent, size);
    return `"${'wsetb'[i]}":${entry(dtype, shape, start, end)}`;
  });
  const order = [...g.randperm(entries.length)].map((i) => entries[i]);
  const below = g.randint(0, 4) === 0 ? 256 : 2; // else small whole numbers, and BOOLs
  const bytes = Uint8Array.from({ length: end }, () => g.randint(0, below));
  return fileOf(`{${order}}${' '.repeat(g.randint(0, 9))}`, bytes);
}

/** Files with one change, some with none, two or three. */
export function mutations(count: number, seed: number): Uint8Array[] {
  const g = new Generator(seed);
  return Array.from({ length: count }, (_, i) => {
    let file = i % 2 ? anyFile(g) : VALID[(i / 2) % VALID.length];
    for (let times = [0, 1, 1, 1, 1, 1, 2, 3][g.randint(0, 8)]; times > 0 && file.length > 9; times--)
      file = changed(file, g);
    return file;
  });
}

/** The files that Python's `safetensors` was asked about. */
export const corpus = (): Uint8Array[] => [...VALID, ...mutations(600, 20)];

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(JSON.stringify(corpus().map((file) => Buffer.from(file).toString('base64'))));
}
