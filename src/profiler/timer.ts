/**
 * The interface of what times kernel launches. There are two timers: device-timer.ts and host-timer.ts.
 */
import type { Observer } from '../gpu/observer.js';
import type { Launched } from './launch-notes.js';

/** A launch and when it ran, in milliseconds by `performance.now()`. */
export interface TimedLaunch extends Launched {
  start: number;
  end: number;
  /** When its commands were submitted. */
  submitted: number;
}

/** How far times can be trusted. */
export interface Timing {
  /** Whose clock was read: the device's, or the host's around each kernel. */
  clock: 'device' | 'host';
  /** The step of the clock in microseconds, as the times show it. Browsers round to 100. */
  resolutionUs: number;
  /** Device and host clock agree to within so many microseconds; 0 where there is only one clock. */
  anchorUs: number;
  /** Kernels whose end was not after their begin: their time counts as 0. */
  zero: number;
  /** Those of them whose end was before their begin. */
  negative: number;
}

/** Times what it observes. */
export interface Timer extends Observer {
  /** Called before anything is observed, while the device is idle. */
  start(): Promise<void>;
  /** The times of everything that was observed, in the order of the submits. Called when the device is done. */
  finish(): Promise<{ launches: TimedLaunch[]; timing: Timing }>;
  destroy(): void;
}
