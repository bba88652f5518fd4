/**
 * The cost of a kernel, as its launcher counts it from the shapes: bytes and operations, for profiles. Nothing is measured
 * here.
 *
 * How it is counted. Bytes: every word that a launch needs is read once and every word that it makes is written
 * once, as if caches were perfect; words it updates count twice. Operations: additions, subtractions, products, quotients,
 * comparisons and function calls (`exp`, `max`, `sqrt`, a whole sigmoid) on floats that the kernel carries out,
 * one each, a multiply-add two. Whole numbers, bits, selections and subgroup shuffles count none; nor does padding.
 */

/** Bytes and operations of one launch, or of several together. */
export interface Cost {
  bytes: number;
  /** Absent where it is not known, as for a user's kernel. */
  flops?: number;
}

/** Costs by the label of the pipeline that is launched. */
export type Costs = Readonly<Record<string, Cost>>;
