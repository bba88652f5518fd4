/**
 * The interface of an observer of a device's work, such as a profile. It is called for each launch when it is recorded and for
 * each submit when it is sent. The device knows only this interface. Spans of the host's time are in platform/host-spans.ts.
 */
import type { Cost, Costs } from './cost.js';

/** A launcher's description of one launch. */
export interface LaunchNote extends Cost {
  /** Shapes of what the kernel reads and writes, or of what it trains: shown in traces. */
  shapes?: string;
}

/** A launcher's description of several launches together. */
export interface GroupNote {
  /** By label of the pipeline, all its launches together. */
  costs: Costs;
  shapes?: string;
}

/** A launch of a kernel, when it is recorded. */
export interface Launch {
  pipeline: GPUComputePipeline;
  /** Workgroups along x, y and z. */
  grid: readonly [number, number, number];
  note?: () => LaunchNote;
  /** Of this launch and others that have the same function here; where there is no `note`. */
  together?: () => GroupNote;
}

/** A part of what is submitted; of an observer that wants launches apart, one launch or what lies between two. */
export interface Part {
  commands: GPUCommandBuffer;
  launch?: Launch;
}

/** Sends parts to the device, in this order. */
export type Send = (parts: readonly Part[]) => void;

/** Is told of what one recorder records. */
export interface RecordingObserver {
  /** Whether every launch is to be a {@link Part} of its own. */
  readonly apart: boolean;
  /** A launch, which gets a pass of its own: with these timestamps, where it returns any. */
  launched(launch: Launch): GPUComputePassTimestampWrites | undefined;
  /** The last chance to add commands. */
  finishing(encoder: GPUCommandEncoder): void;
  /** Sends the parts, now or when it is their turn. */
  submit(parts: readonly Part[], send: Send): void;
}

export interface Observer {
  /** A recorder begins. */
  recording(): RecordingObserver;
  /** Whether something that was submitted is not sent yet: what has to come after it must wait for its turn, too. */
  readonly behind: boolean;
  /** Does something when all that was submitted before is sent. */
  later(work: () => void): void;
  /** Resolves when all that was submitted before is sent. */
  sent(): Promise<void>;
}

/** An observer at work. */
export interface Observation {
  /** The observer is told of nothing more. */
  end(): void;
  /** A device that was destroyed meanwhile stays alive until then, so that an observer can read what it measured. */
  release(): void;
}
