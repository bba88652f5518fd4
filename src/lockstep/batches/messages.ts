/** The messages between the trainer and its batch threads. Types only. */
import type { BatchSettings } from './drawn.js';
import type { SharedRing } from './ring.js';

/** `open`: draw this run's batches ahead from now on. `close`: stop that. `fill`: there is room in some rings again. */
export type BatchRequest =
  | { open: number; settings: BatchSettings; ring: SharedRing }
  | { close: number }
  | { fill: true };

/** Some ring has more batches than before. */
export type BatchReply = { filled: true };
