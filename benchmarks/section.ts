/** What a section of the benchmark is to main.ts: a name, a title, and a run that ends in tables. Types only. */
import type { Device } from 'lockstep-gpu';
import type { Peers } from './peers/peers.js';

export interface Context {
  device: Device;
  peers: Peers;
  /** Measurements of each figure; slow ones may take fewer. */
  rounds: number;
  /** A look at everything in a fraction of the time: fewer shapes, shorter runs. */
  quick: boolean;
  /** Prints a line on standard error that says where the benchmark is. */
  say(text: string): void;
}

export interface ReportTable {
  title: string;
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  /** What a reader must know about the figures: whose clock, what is left out, what was scaled. */
  notes: readonly string[];
}

export interface Report {
  tables: readonly ReportTable[];
  /** All samples, for the JSON file. */
  samples: unknown;
  /** This section's rows of the table of targets. */
  targets?: readonly Target[];
}

/** A ratio that the project has set itself as a target. */
export interface Target {
  what: string;
  against: string;
  atLeast: number;
  hoped: number;
  measured: number;
  /** `ratio` (default): higher is better. `share` (of the whole) and `multiple` (of a floor): lower is better. */
  kind?: 'ratio' | 'share' | 'multiple';
}

export interface Section {
  name: string;
  title: string;
  run(context: Context): Promise<Report>;
}
