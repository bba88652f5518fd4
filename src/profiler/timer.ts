/**
 * What it is to take the times of dispatches. Two ways are known: device-timer.ts and host-timer.ts.
 */
import type { Launched } from './recorded-pass.js';

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

/** Makes the pass that is handed out for an encoder. */
export type PassMaker = (
  encoder: GPUCommandEncoder,
  descriptor?: GPUComputePassDescriptor,
) => GPUComputePassEncoder;

export interface Timer {
  /** Before anything is timed; the device has nothing to do. */
  start(): Promise<void>;
  /** The encoder to hand out for one that the device made; its passes come from `pass`. */
  encoder(real: GPUCommandEncoder, pass: PassMaker): GPUCommandEncoder;
  /** Encodes the commands of a recorded pass (recorded-pass.ts), to be timed. */
  encode(
    encoder: GPUCommandEncoder,
    launched: Launched,
    commands: (pass: GPUComputePassEncoder) => void,
  ): void;
  finish(encoder: GPUCommandEncoder, descriptor?: GPUCommandBufferDescriptor): GPUCommandBuffer;
  submit(buffers: readonly GPUCommandBuffer[], real: GPUQueue['submit']): void;
  /** The times of all that was submitted, in that order; the device is done with it. */
  finishAll(): Promise<{ launches: TimedLaunch[]; timing: Timing }>;
  destroy(): void;
}
