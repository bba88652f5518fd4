/**
 * The operations of shaders/train/tiles/matrices.wgsl.ts in plain WGSL, slowly, for drivers that have no subgroup matrices:
 * sixteen invocations are what a subgroup would be, and each has a row of sums. For tests alone.
 */

/** With sixteen lanes, so that a subgroup has one matrix of each product: CPU drivers take long to compile more. */
export const matrixOperations = (): string => `
/** Where a row begins; its factors are read when they are multiplied. */
struct Bits {
  at: u32,
  factor: f32,
}
/** Where a matrix begins. */
alias Numbers = u32;
/** The sums are in a variable, for a subgroup has one matrix of them. */
alias Sums = u32;
var<private> sumsOfRow: array<f32, 16>;
var<private> row: u32;

/** Drivers write out loops over constants, and then compile for a minute. */
fn sixteen() -> u32 { return 8u * shape.vectors; }

fn unpacked(x: vec2u) -> vec4f { return vec4f(unpack2x16float(x.x), unpack2x16float(x.y)); }

fn subgroupOf(id: u32) -> u32 {
  row = id % 16u;
  return id / 16u;
}

fn storesSums(id: u32) -> bool { return true; }

fn noSums() -> Sums {
  sumsOfRow = array<f32, 16>();
  return 0u;
}

fn bitsAt(at: u32) -> Bits { return Bits(at + 4u * row, 1.0); }

fn numbersAt(at: u32) -> Numbers { return at; }

fn raised(some: Bits) -> Bits { return Bits(some.at, 2048.0 * some.factor); }

fn added(sums: Sums, left: Bits, right: Numbers) -> Sums {
  for (var e = 0u; e < sixteen(); e++) {
    var sum = sumsOfRow[e];
    for (var k = 0u; k < sixteen() / 4u; k++) {
      let x = left.factor * unpacked(bitRows[left.at + k]);
      let y = unpacked(numberColumns[right + 4u * e + k]);
      sum = fma(x.w, y.w, fma(x.z, y.z, fma(x.y, y.y, fma(x.x, y.x, sum))));
    }
    sumsOfRow[e] = sum;
  }
  return sums;
}

fn keepByRow(at: u32, sums: Sums) {
  for (var e = 0u; e < sixteen(); e++) { results[at + 16u * row + e / 4u][e % 4u] = sumsOfRow[e]; }
}

fn keepByColumn(at: u32, sums: Sums) {
  for (var e = 0u; e < sixteen(); e++) { results[at + 16u * e + row / 4u][row % 4u] = sumsOfRow[e]; }
}
`;
