/**
 * What it is to take the times of dispatches. Two ways are known: device-timer.ts and host-timer.ts.
 */
import type { Observer } from '../gpu/observer.js';
import type { Launched } from './launch-notes.js';

/** A dispatch and when it ran: milliseconds as `performance.now()` counts them. */
export interface TimedLaunch extends Launched {
  start: number;
  end: number;
  /** When its commands were submitted. */
  submitted: number;
}

/** How far times can be trusted. */
export interface Timing {
  /** Whose clock it was: the device's own, or the host's, around each kernel. */
  clock: 'device' | 'host';
  /** The step of the clock, in microseconds, as far as it shows: browsers round to 100. */
  resolutionUs: number;
  /** Device and host clock agree to so many microseconds; 0 where there is one clock. */
  anchorUs: number;
  /** Kernels whose end was not after their begin: their time counts as 0. */
  zero: number;
  /** Those of them whose end was before their begin. */
  negative: number;
}

/** Times what it observes. */
export interface Timer extends Observer {
  /** Before anything is observed; the device has nothing to do. */
  start(): Promise<void>;
  /** The times of all that was observed, in the order of the submits; the device is done with it. */
  finish(): Promise<{ launches: TimedLaunch[]; timing: Timing }>;
  destroy(): void;
}
