/** What a part of the benchmark is to main.ts: a name, a title, and a run that ends in tables. Types only. */
import type { Device } from 'lockstep-gpu';
import type { Peers } from './peers/peers.js';

export interface Context {
  device: Device;
  peers: Peers;
  /** Measurements of each figure; what takes long may take fewer. */
  rounds: number;
  /** A look at everything in a fraction of the time: fewer shapes, shorter runs. */
  quick: boolean;
  /** A line on standard error: where the benchmark is. */
  say(text: string): void;
}

export interface ReportTable {
  title: string;
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  /** What a reader must know to read the figures: whose clock, what is left out, what was scaled. */
  notes: readonly string[];
}

export interface Report {
  tables: readonly ReportTable[];
  /** All samples, for the JSON file. */
  samples: unknown;
  /** Rows of the table of targets that this section can fill. */
  targets?: readonly Target[];
}

/** A ratio that the project has set itself. */
export interface Target {
  what: string;
  against: string;
  atLeast: number;
  hoped: number;
  measured: number;
  /** `share`: a part of the whole, `multiple`: of a floor, lower is better; default: a ratio, higher is better. */
  kind?: 'ratio' | 'share' | 'multiple';
}

export interface Section {
  name: string;
  title: string;
  run(context: Context): Promise<Report>;
}
