/** The flags of the `profile` command, as they are after parsing. */
import type { KernelName } from '../kernels/train/training-kernel.js';

/** What kernels can be sorted by, the largest first. */
export const SORT_KEYS = ['time', 'calls', 'median', 'p95', 'bytes', 'flops', 'gbs', 'gflops'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** What `profile` was asked for. */
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
