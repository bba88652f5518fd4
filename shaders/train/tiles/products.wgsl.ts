/**
 * Sums of f32 numbers where bits are 1, by matrices of f16 (matrices.wgsl.ts), for the tiles of the training step: how a number
 * becomes three f16 parts, what lies in workgroup memory, and how the subgroups of a workgroup share a product. WGSL
 * fragments; what is staged, and what becomes of the sums, is in forward-matrices.wgsl.ts and backward-matrices.wgsl.ts.
 *
 * A number u below 2^14 is a + b / 2^11 + c / 2^22, where a is as much of u as a f16 holds, and b and c of what is left, times 2^11:
 * 33 bits, so nothing of a float32 is lost. f16 has no exponents below -14 (its subnormals are avoided, as matrix units may
 * take them for 0): what is smaller goes into the next part. So a number is exact from 2^-13 on, and a smaller one loses at most 2^-36.
 * Numbers that are added up are scaled by a common power of two, which brings the largest of them to 2^13 or more: all within a
 * factor of 2^26 of it are exact, and the others lose at most 2^-49 of it. The bits carry the parts' factors: they are 0 or 2^-11 for c,
 * 0 or 1 for b, 0 or 2^11 for a, so that every product is exact and one sum in f32 takes them all.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { TILE_INVOCATIONS } from './size.js';

/** Rows and columns of a matrix, and the factors of a product that are staged at a time. */
export const MATRIX = 16;
/** Rows of bits and columns of numbers of a workgroup's product. */
export const PRODUCT = 64;
/** Matrices along each side of it. */
const MATRICES = PRODUCT / MATRIX;
/** What is staged of one side, in fours of f16s. */
const STAGED = (PRODUCT * MATRIX) / 4;

/** Declarations, behind the operations of matrices.wgsl.ts. */
export const productParts = wgsl`
/** What is staged, four f16s together: [row][four of 16] 0 or 2^-11; [part, the smallest first][column][four of 16]. */
var<workgroup> bitRows: array<vec2u, ${STAGED}>;
var<workgroup> numberColumns: array<vec2u, ${3 * STAGED}>;
/** Sums of 16 samples or features: [of them][quad of units]. In the end the outputs' parts. */
var<workgroup> results: array<vec4f, ${(MATRIX * PRODUCT) / 4}>;

/** The parts of four numbers. */
struct Parts {
  a: vec2u,
  b: vec2u,
  c: vec2u,
}

/**
 * What a f16 can hold of numbers: their first 11 bits, and 0 instead of a subnormal one. Keeps a NaN. By bits, as compilers take
 * a conversion to f16 and back for none.
 */
fn leading(x: vec4f) -> vec4f {
  return select(bitcast<vec4f>(bitcast<vec4u>(x) & vec4u(0xffffe000u)), vec4f(), abs(x) < vec4f(0x1p-14));
}

fn packed(x: vec4f) -> vec2u { return vec2u(pack2x16float(x.xy), pack2x16float(x.zw)); }

fn partsOf(x: vec4f) -> Parts {
  let a = leading(x);
  let rest = 2048.0 * (x - a);
  let b = leading(rest);
  return Parts(packed(a), packed(b), packed(leading(2048.0 * (rest - b))));
}

/** The exponent of a number, within what has a scale. */
fn exponentOf(x: f32) -> u32 { return clamp((bitcast<u32>(x) >> 23u) & 255u, 26u, 254u); }

/** The power of two that brings a number to 2^13 or more and below 2^14. */
fn scaleFor(largest: f32) -> f32 { return bitcast<f32>((267u - exponentOf(largest)) << 23u); }

/** What brings sums of numbers of that scale back: they are 2^11 too large as well. */
fn unscaleFor(largest: f32) -> f32 { return bitcast<f32>((exponentOf(largest) - 24u) << 23u); }

fn stageNumbers(at: u32, x: Parts) {
  numberColumns[at] = x.c;
  numberColumns[${STAGED}u + at] = x.b;
  numberColumns[${2 * STAGED}u + at] = x.a;
}

/** Four bits, as 0 or 2^-11. */
fn stageBits(at: u32, x: vec4u) { bitRows[at] = (x.xz | (x.yw << vec2u(16u))) << vec2u(12u); }
`;

/** Into how many parts the subgroups cut the rows and the columns of a product. */
function shares(lanes: number): { rows: number; columns: number } {
  const subgroups = TILE_INVOCATIONS / lanes;
  const rows = 2 ** Math.ceil(Math.log2(subgroups) / 2);
  return { rows, columns: subgroups / rows };
}

/** The matrices of a subgroup along one side, which is cut into `share` parts. */
const own = (share: number) => times(MATRICES / share, (k) => ({ k, at: k * share }));

/** From one matrix to the next, in fours of f16s. */
const PITCH = (MATRIX * MATRIX) / 4;

/** Statements: the sums of a product, all 0. `lanes`: as in TilesOptions. */
export function noSums(lanes: number): string {
  const { rows, columns } = shares(lanes);
  return wgsl`
let subgroup = subgroupOf(id);
let ownRows = subgroup % ${rows}u;
let ownColumns = subgroup / ${rows}u;
#for row in ${own(rows)}
#for column in ${own(columns)}
var sums$row.k_$column.k = noSums();
#endfor
#endfor
`;
}

/** Statements: adds the products of what is staged, the smallest parts first. */
export function stageSums(lanes: number): string {
  const { rows, columns } = shares(lanes);
  const ownRows = own(rows);
  return wgsl`
#for row in ${ownRows}
var row$row.k = bitsAt(${PITCH}u * (ownRows + $row.at));
#endfor
for (var part = 0u; part < 3u; part++) {
  #for column in ${own(columns)}
  {
    let column = numbersAt(part * ${STAGED}u + ${PITCH}u * (ownColumns + $column.at));
    #for row in ${ownRows}
    sums$row.k_$column.k = added(sums$row.k_$column.k, row$row.k, column);
    #endfor
  }
  #endfor
  #for row in ${ownRows}
  row$row.k = raised(row$row.k);
  #endfor
}
`;
}

/**
 * Statements: the sums of the samples or features of matrix `turn` go to `results`, of all units.
 *
 * @param units The side that has the units.
 */
export function keepSums(lanes: number, units: 'rows' | 'columns'): string {
  const { rows, columns } = shares(lanes);
  const all = own(rows).flatMap((row) =>
    own(columns).map((column) => ({
      sums: `sums${row.k}_${column.k}`,
      row: `ownRows + ${row.at}u`,
      column: `ownColumns + ${column.at}u`,
    })),
  );
  const kept = all.map(({ sums, row, column }) =>
    units === 'rows'
      ? { turn: column, keep: `keepByColumn(${MATRIX / 4}u * (${row}), ${sums})` }
      : { turn: row, keep: `keepByRow(${MATRIX / 4}u * (${column}), ${sums})` },
  );
  return wgsl`
if (storesSums(id)) {
  #for one in ${kept}
  if (turn == $one.turn) { $one.keep; }
  #endfor
}
`;
}
