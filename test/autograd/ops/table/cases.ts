/** What an entry of the table of operations is, and the numbers that its inputs hold. */
import type { DType } from '../../../../src/tensor/dtype.js';
import type { Shape } from '../../../../src/tensor/shape.js';
import type { Tensor } from '../../../../src/tensor/tensor.js';
import type { Tolerance } from '../../../tolerances.js';
import type { Host } from '../rules.js';

export interface Input {
  shape: Shape;
  dtype?: DType;
  /** False for inputs that no gradient goes to. Default: whether it is f32. */
  gradient?: boolean;
  /** Element i; default: numbers of about -2 to 2, all different, none near 0. */
  values?: (i: number) => number;
}

export interface Case {
  name: string;
  inputs: readonly Input[];
  run(...inputs: Tensor[]): Tensor;
  rule(...inputs: Host[]): Host;
  tolerance: Tolerance;
  /** Whether the backward pass is checked too. */
  gradient: boolean;
}

/** Different numbers of about -2 to 2, at least 0.02 from 0 and from each other for the sizes used here. */
export const signed = (i: number): number => (i % 2 === 0 ? 1 : -1) * (0.11 + (((i * 37) % 61) / 61) * 1.8);
export const positive = (i: number): number => Math.abs(signed(i));
export const unit = (i: number): number => 0.04 + 0.92 * (((i * 37) % 61) / 61);
export const whole = (i: number): number => ((i * 7) % 11) - 5;
export const natural = (i: number): number => (i * 7) % 11;
export const shifted = (i: number): number => signed(i + 17) + 0.007;
/** Bools, true in some places. */
export const bools = (shape: Shape): Input => ({ shape, dtype: 'bool', values: (i) => natural(i) % 2 });
/** Numbers of -1 to 1 for inputs of any length. */
export const long = (i: number): number => Math.fround(Math.sin(i));
