/** The parsed flags of the `profile` command. */
import type { KernelName } from '../kernels/train/training-kernel.js';

/** By what kernels can be sorted, the largest first. */
export const SORT_KEYS = ['time', 'calls', 'median', 'p95', 'bytes', 'flops', 'gbs', 'gflops'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** The values of the flags. */
export interface ProfileFlags {
  config: string;
  runs: number;
  steps: number;
  kernel: 'auto' | KernelName;
  adapter?: string;
  top: number;
  sort: SortKey;
  json?: boolean;
  trace?: string;
  html?: string;
  wgsl?: string;
}
