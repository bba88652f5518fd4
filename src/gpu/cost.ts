/**
 * What a kernel costs: bytes and operations, which its launcher counts from the shapes, for profiles. Nothing is measured here.
 *
 * How to count. Bytes: every word that a launch needs is read once and every word that it makes is written once, as if
 * caches were perfect. Words that it updates count twice. Operations: additions, subtractions, multiplications, divisions,
 * comparisons and function calls (`exp`, `max`, `sqrt`, a whole sigmoid) on floats that the kernel carries out count one
 * each, a multiply-add two. Integers, bits, selections, subgroup shuffles and padding do not count.
 */

/** Bytes and operations of one launch, or of several together. */
export interface Cost {
  bytes: number;
  /** Operations on floats. Absent where they are not known, as for a user's kernel. */
  flops?: number;
}

/** Costs by the label of the pipeline that is launched. */
export type Costs = Readonly<Record<string, Cost>>;
