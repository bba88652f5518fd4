/**
 * Matrices of 16 x 16 that a subgroup holds together, by WGSL's experimental extension: sums += bits x numbers, in the matrix
 * units of a GPU. Only these few operations are here; who multiplies what is in products.wgsl.ts. Tests put plain WGSL with
 * the same names in their place, for no CPU driver has the extension.
 */
import { wgsl } from '../../wgsl.js';

/**
 * `Bits` has 16 rows of 16 factors that are 0 or one same power of two, `Numbers` has 16 columns of 16 f16 numbers, and
 * `Sums` the sums of their products in f32. In workgroup memory the 16 that belong together lie side by side, in four vec2u. The first lines of a
 * module: `enable` stands in front of all else.
 *
 * The uniformity that the extension asks for is by subgroups, and Tint's analysis knows workgroups only.
 *
 * @param lanes The most invocations of a subgroup.
 */
export const matrixOperations = (lanes: number): string => wgsl`
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

alias Bits = subgroup_matrix_left<f16, 16, 16>;
alias Numbers = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;

/** Which of the workgroup's subgroups an invocation is in. Where they have fewer lanes, several share a number and do the same. */
fn subgroupOf(id: u32) -> u32 { return subgroupBroadcastFirst(id) / ${lanes}u; }

/** Whether the subgroup is the one of its number that stores. */
fn storesSums(id: u32) -> bool { return subgroupBroadcastFirst(id) % ${lanes}u == 0u; }

fn noSums() -> Sums { return Sums(); }

fn bitsAt(at: u32) -> Bits { return subgroupMatrixLoad<Bits, row_major>(&bitRows, at, 4u); }

fn numbersAt(at: u32) -> Numbers { return subgroupMatrixLoad<Numbers, col_major>(&numberColumns, at, 4u); }

fn raised(some: Bits) -> Bits { return subgroupMatrixScalarMultiply(some, 2048h); }

fn added(sums: Sums, left: Bits, right: Numbers) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

/** Stores sums into \`results\`, whose rows have 16 quads: the row of \`Bits\` is the row. */
fn keepByRow(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&results, at, sums, 16u); }

/** The column of \`Numbers\` is the row. */
fn keepByColumn(at: u32, sums: Sums) { subgroupMatrixStore<col_major>(&results, at, sums, 16u); }
`;
