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

/** How far the times can be trusted. */
export interface Timing {
  /** The clock that was read: the device's, or the host's before and after each kernel. */
  clock: 'device' | 'host';
  /** The step of the clock in microseconds, as the times show it. Browsers round to 100. */
  resolutionUs: number;
  /** How far the two clocks may be apart after conversion, in microseconds; 0 where only the host's was read. */
  anchorUs: number;
  /** How many kernels have an end that is not after their beginning: their time counts as 0. */
  zero: number;
  /** How many of those have an end before their beginning. */
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
