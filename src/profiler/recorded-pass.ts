/**
 * A compute pass as a profile records it: WebGPU takes times for whole passes only, so each dispatch gets a pass of its
 * own. To whoever encodes it looks like the pass that was asked for.
 */

import { type Annotated, type LaunchNote, NOTE_LAUNCH, NOTE_PASS, type PassNote } from '../gpu/annotate.js';
import { LockstepError } from '../platform/errors.js';

/** A dispatch, as it was encoded. */
export interface Launched extends Partial<LaunchNote> {
  pipeline: GPUComputePipeline;
  /** Workgroups along x, y and z; empty where the device finds them in a buffer. */
  grid: readonly number[];
}

/** Encodes `commands` into a pass of its own that is timed as `launched`. */
type EncodeTimed = (launched: Launched, commands: (pass: GPUComputePassEncoder) => void) => void;

export class RecordedPass implements Annotated {
  readonly label: string;
  readonly #encode: EncodeTimed;
  readonly #groups: Parameters<GPUComputePassEncoder['setBindGroup']>[] = [];
  #pipeline: GPUComputePipeline | undefined;
  #note: (() => LaunchNote) | undefined;
  #passNote: (() => PassNote) | undefined;
  /** Launches without a note of their own, by label. */
  readonly #unnoted = new Map<string, Launched[]>();

  constructor(label: string, encode: EncodeTimed) {
    this.label = label;
    this.#encode = encode;
  }

  [NOTE_LAUNCH](note: () => LaunchNote): void {
    this.#note = note;
  }

  [NOTE_PASS](note: () => PassNote): void {
    this.#passNote = note;
  }

  setPipeline(pipeline: GPUComputePipeline): void {
    this.#pipeline = pipeline;
  }

  setBindGroup(...args: Parameters<GPUComputePassEncoder['setBindGroup']>): void {
    this.#groups[args[0]] = args;
  }

  dispatchWorkgroups(x: number, y = 1, z = 1): void {
    this.#launch([x, y, z], (pass) => pass.dispatchWorkgroups(x, y, z));
  }

  dispatchWorkgroupsIndirect(buffer: GPUBuffer, offset: number): void {
    this.#launch([], (pass) => pass.dispatchWorkgroupsIndirect(buffer, offset));
  }

  #launch(grid: readonly number[], dispatch: (pass: GPUComputePassEncoder) => void): void {
    const pipeline = this.#pipeline;
    if (!pipeline) throw new LockstepError('device', 'A dispatch was encoded before a pipeline was set.');
    const note = this.#note?.();
    this.#note = undefined;
    const launched: Launched = { ...note, pipeline, grid };
    if (!note) {
      const same = this.#unnoted.get(pipeline.label);
      if (same) same.push(launched);
      else this.#unnoted.set(pipeline.label, [launched]);
    }
    this.#encode(launched, (pass) => {
      pass.setPipeline(pipeline);
      for (const group of this.#groups) if (group) pass.setBindGroup(...group);
      dispatch(pass);
    });
  }

  end(): void {
    const { costs = {}, shapes } = this.#passNote?.() ?? {};
    for (const [label, launches] of this.#unnoted) {
      const cost = costs[label];
      for (const launched of launches) {
        launched.shapes = shapes;
        if (!cost) continue;
        launched.bytes = cost.bytes / launches.length;
        launched.flops = cost.flops === undefined ? undefined : cost.flops / launches.length;
      }
    }
  }

  // Marks for debuggers: the passes they would go to are not the ones that were asked for.
  pushDebugGroup(): void {}
  popDebugGroup(): void {}
  insertDebugMarker(): void {}
}
