/**
 * The operations of shaders/train/tiles/matrices.wgsl.ts in plain WGSL, slowly, for drivers that have no subgroup matrices: some
 * invocations are what a subgroup would be, and each has some of the sums of a matrix. For tests alone.
 */

/** @param lanes 16, 32 or 64. */
export const matrixOperations = (lanes: number): string => `
/** Sums of a matrix that a lane has: from number lane * sumsOfLane on, row by row. */
const sumsOfLane = ${256 / lanes}u;

/** Where a matrix begins; its factors are read when they are multiplied. */
struct Bits {
  at: u32,
  factor: f32,
}
alias Numbers = u32;
/** Where the sums of a matrix begin in what a lane has. A subgroup has at most four matrices of a product. */
alias Sums = u32;
var<private> sumsOfLanes: array<f32, 16>;
var<private> used: u32;
var<private> lane: u32;

/** No constants: drivers write out loops over those, and then compile for a minute. */
fn fours() -> u32 { return 2u * shape.vectors; }
fn sumCount() -> u32 { return ${128 / lanes}u * shape.vectors; }

fn unpacked(x: vec2u) -> vec4f { return vec4f(unpack2x16float(x.x), unpack2x16float(x.y)); }

fn subgroupOf(id: u32) -> u32 {
  lane = id % ${lanes}u;
  used = 0u;
  return id / ${lanes}u;
}

fn storesSums(id: u32) -> bool { return true; }

fn noSums() -> Sums {
  for (var e = 0u; e < sumCount(); e++) { sumsOfLanes[used + e] = 0.0; }
  used += sumsOfLane;
  return used - sumsOfLane;
}

fn bitsAt(at: u32) -> Bits { return Bits(at, 1.0); }

fn numbersAt(at: u32) -> Numbers { return at; }

fn raised(some: Bits) -> Bits { return Bits(some.at, 2048.0 * some.factor); }

fn added(sums: Sums, left: Bits, right: Numbers) -> Sums {
  for (var e = 0u; e < sumCount(); e++) {
    let place = lane * sumsOfLane + e;
    var sum = sumsOfLanes[sums + e];
    for (var k = 0u; k < fours(); k++) {
      let x = left.factor * unpacked(bitRows[left.at + 4u * (place / 16u) + k]);
      let y = unpacked(numberColumns[right + 4u * (place % 16u) + k]);
      sum = fma(x.w, y.w, fma(x.z, y.z, fma(x.y, y.y, fma(x.x, y.x, sum))));
    }
    sumsOfLanes[sums + e] = sum;
  }
  return sums;
}

fn keepSum(at: u32, row: u32, column: u32, sum: f32) {
  results[at + 16u * row + column / 4u][column % 4u] = sum;
}

fn keepByRow(at: u32, sums: Sums) {
  for (var e = 0u; e < sumCount(); e++) {
    let place = lane * sumsOfLane + e;
    keepSum(at, place / 16u, place % 16u, sumsOfLanes[sums + e]);
  }
}

fn keepByColumn(at: u32, sums: Sums) {
  for (var e = 0u; e < sumCount(); e++) {
    let place = lane * sumsOfLane + e;
    keepSum(at, place % 16u, place / 16u, sumsOfLanes[sums + e]);
  }
}
`;
