/**
 * Describes a struct that host and shaders share, once for both: its WGSL declaration, and functions that write and read it on
 * the host. All fields have four bytes, so that there is no padding.
 */

import { wgsl } from '../wgsl.js';

type FieldType = 'u32' | 'i32' | 'f32';

/** A struct in a buffer. Offsets are in words of four bytes. */
export class Struct<Field extends string> {
  readonly name: string;
  /** Words of one struct. */
  readonly words: number;
  /** The word in which each field lies. */
  readonly at: Readonly<Record<Field, number>>;
  /** The WGSL declaration. */
  readonly wgsl: string;
  readonly #types: readonly [Field, FieldType][];

  constructor(name: string, fields: Readonly<Record<Field, FieldType>>) {
    this.name = name;
    this.#types = Object.entries(fields) as [Field, FieldType][];
    this.words = this.#types.length;
    this.at = Object.fromEntries(this.#types.map(([field], at) => [field, at])) as Record<Field, number>;
    this.wgsl = wgsl`
struct ${name} {
  #for field in ${this.#types.map(([field, type]) => ({ name: field, type }))}
  $field.name: $field.type,
  #endfor
}
`;
  }

  /** Structs as words, in the layout of the buffer. */
  array(values: readonly Readonly<Record<Field, number>>[]): Uint32Array<ArrayBuffer> {
    const views = viewsOf(new ArrayBuffer(4 * this.words * values.length));
    // Field by field: V8 looks the same name up in every struct in less than half of the time.
    this.#types.forEach(([field, type], at) => {
      const view = views[type];
      for (let k = 0; k < values.length; k++) view[k * this.words + at] = values[k][field];
    });
    return views.u32;
  }

  /** The structs in bytes that were read from a buffer. */
  values(bytes: ArrayBuffer): Record<Field, number>[] {
    const views = viewsOf(bytes);
    return Array.from({ length: bytes.byteLength / (4 * this.words) }, (_, k) => {
      const value = {} as Record<Field, number>;
      for (const [field, type] of this.#types) value[field] = views[type][k * this.words + this.at[field]];
      return value;
    });
  }
}

const viewsOf = (bytes: ArrayBuffer) => ({
  u32: new Uint32Array(bytes),
  i32: new Int32Array(bytes),
  f32: new Float32Array(bytes),
});
