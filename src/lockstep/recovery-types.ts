/** The options and the events of a training that goes on after its device is lost. Types only; recovery.ts does the work. */
import type { Device } from '../gpu/device.js';

/** How a training goes on after its device is lost. */
export interface RecoverOptions {
  /** After this many losses without a checkpoint or a finished run in between, the training ends with an error. Default 3. */
  attempts?: number;
  /** Seconds before a device is opened again. Default 1. */
  waitSeconds?: number;
  /** Seconds between the checkpoints that are kept in memory. Default 10, or more where they would take over 0.5% of the time. */
  checkpointSeconds?: number;
  /**
   * Opens the device to go on with; the caller destroys it. Default: a device is opened with the options of the lost one, and
   * destroyed after the training. If the lost one was made of the caller's `GPUDevice`, this is needed: without it, the loss is
   * an error.
   */
  device?: () => Promise<Device>;
}

/** The device was lost, or has too little memory for all runs that train at once. */
export interface LostEvent {
  type: 'lost';
  reason: 'device-lost' | 'out-of-memory';
  /** The message that the error would have had. */
  message: string;
}

/** The training goes on with as many runs at once as before, or with at most `runsAtOnce` after `out-of-memory`. */
export interface RecoveredEvent {
  type: 'recovered';
  /** The device on which it goes on. */
  device: Device;
  runsAtOnce?: number;
}
