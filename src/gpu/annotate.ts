/**
 * How launchers tell a profile what they launch. A pass that is not recorded takes no notice: then an annotation is
 * a look for a property, and the figures are never computed.
 */
import type { Cost, Costs } from './cost.js';

/** What one launch is. */
export interface LaunchNote extends Cost {
  /** Shapes of what the kernel reads and writes, or of what it trains: shown in traces. */
  shapes?: string;
}

/** What all launches of a pass are together. */
export interface PassNote {
  /** By label of the pipeline, all its launches in the pass together. */
  costs: Costs;
  shapes?: string;
}

export const NOTE_LAUNCH = Symbol('note of the next launch');
export const NOTE_PASS = Symbol('note of the pass');

/** A pass that a profile records (recorded-pass.ts). */
export interface Annotated {
  [NOTE_LAUNCH](note: () => LaunchNote): void;
  [NOTE_PASS](note: () => PassNote): void;
}

type MaybeAnnotated = GPUComputePassEncoder & Partial<Annotated>;

/** Says what the next dispatch of a pass is. */
export function annotateLaunch(pass: MaybeAnnotated, note: () => LaunchNote): void {
  pass[NOTE_LAUNCH]?.(note);
}

/** Says what the dispatches of a pass are, those without a note of their own. */
export function annotatePass(pass: MaybeAnnotated, note: () => PassNote): void {
  pass[NOTE_PASS]?.(note);
}
