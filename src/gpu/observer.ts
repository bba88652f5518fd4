/**
 * How a device tells of its work: an observer, such as a profile, is called for every launch that is recorded and every submit.
 * The device knows no more of profiles than these interfaces. Spans of the host's time are in platform/host-spans.ts.
 */
import type { Cost, Costs } from './cost.js';

/** What a launcher says of one launch. */
export interface LaunchNote extends Cost {
  /** The shapes of what the kernel reads and writes, or of what it trains. Traces show it. */
  shapes?: string;
}

/** What a launcher says of several launches together. */
export interface GroupNote {
  /** By the label of a pipeline: the cost of all its launches. */
  costs: Costs;
  shapes?: string;
}

/** A launch of a kernel that is being recorded. */
export interface Launch {
  pipeline: GPUComputePipeline;
  /** Workgroups along x, y and z. */
  grid: readonly [number, number, number];
  note?: () => LaunchNote;
  /** For a launch without a `note`: describes it together with all launches that have the same function here. */
  together?: () => GroupNote;
}

/** Part of a recorder's commands. If the observer wants launches apart, it is one launch or what lies between two. */
export interface Part {
  commands: GPUCommandBuffer;
  /** The launch, if this part is one. */
  launch?: Launch;
}

/** Sends parts to the device at once, in this order. */
export type Send = (parts: readonly Part[]) => void;

/** Observes what one recorder records. */
export interface RecordingObserver {
  /** Whether every launch becomes a {@link Part} of its own. */
  readonly apart: boolean;
  /** A launch is recorded, in a pass of its own. The pass writes the timestamps that are returned. */
  launched(launch: Launch): GPUComputePassTimestampWrites | undefined;
  /** The recorder is about to finish: commands can be added at its end. */
  finishing(encoder: GPUCommandEncoder): void;
  /** Calls `send` with all the parts, one after the other or together, at once or later. */
  submit(parts: readonly Part[], send: Send): void;
}

/** Observes the work of a device. */
export interface Observer {
  /** A recorder begins: returns the observer of what it records. */
  recording(): RecordingObserver;
  /** Whether something submitted is not sent yet. Then whatever has to come after it goes through {@link later}. */
  readonly behind: boolean;
  /** Calls `work` when everything submitted before is sent. */
  later(work: () => void): void;
  /** Resolves when everything submitted before is sent. */
  sent(): Promise<void>;
}

/** An observer's time at a device. Until `release` is called, `Device.destroy` leaves the GPUDevice alive for it. */
export interface Observation {
  /** The observer is called no more. */
  end(): void;
  /** The observer has read what it measured: a GPUDevice that was to be destroyed meanwhile is destroyed now. */
  release(): void;
}
