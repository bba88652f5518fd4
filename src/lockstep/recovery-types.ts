/** How a training survives its device, and the events that tell of it. Types only; recovery.ts does it. */
import type { Device } from '../gpu/device.js';

/** How a training survives the loss of its device. */
export interface RecoverOptions {
  /** Losses in a row, with no checkpoint and no finished run between them, after which the training ends with an error. Default 3. */
  attempts?: number;
  /** Seconds before a device is opened again. Default 1. */
  waitSeconds?: number;
  /** Seconds between the checkpoints that are kept in memory. Default 10. */
  checkpointSeconds?: number;
  /**
   * Opens the device to go on with, which then is the caller's to destroy. Default: as `openDevice` opened the lost one, and
   * destroyed after the training. A device that was made of the caller's `GPUDevice` needs it: without it, its loss is an error.
   */
  device?: () => Promise<Device>;
}

/** The device was lost, or has no memory for so many runs at once. */
export interface LostEvent {
  type: 'lost';
  reason: 'device-lost' | 'out-of-memory';
  /** What the error would have said. */
  message: string;
}

/** The training goes on, with as many runs at once as before or, after `out-of-memory`, with at most `runsAtOnce`. */
export interface RecoveredEvent {
  type: 'recovered';
  /** The device it goes on with. */
  device: Device;
  runsAtOnce?: number;
}
