/** Collects the notes of launches (cost, shapes) while one recorder records them. */
import type { GroupNote, Launch, LaunchNote } from '../gpu/observer.js';

/** A launch as a profile keeps it. */
export interface Launched extends Partial<LaunchNote> {
  pipeline: GPUComputePipeline;
  /** Workgroups along x, y and z. */
  grid: readonly number[];
}

export class LaunchNotes {
  /** Launches without a note of their own, by their group's note and by label. */
  readonly #together = new Map<() => GroupNote, Map<string, Launched[]>>();

  take({ pipeline, grid, note, together }: Launch): Launched {
    const launched: Launched = { ...note?.(), pipeline, grid };
    if (!note && together) {
      const labels = this.#together.get(together) ?? new Map<string, Launched[]>();
      this.#together.set(together, labels);
      const same = labels.get(pipeline.label);
      if (same) same.push(launched);
      else labels.set(pipeline.label, [launched]);
    }
    return launched;
  }

  /** Divides each group's cost equally among its launches of a label. Called when all launches are recorded. */
  divide(): void {
    for (const [together, labels] of this.#together) {
      const { costs, shapes } = together();
      for (const [label, launches] of labels) {
        const cost = costs[label];
        for (const launched of launches) {
          launched.shapes = shapes;
          if (!cost) continue;
          launched.bytes = cost.bytes / launches.length;
          launched.flops = cost.flops === undefined ? undefined : cost.flops / launches.length;
        }
      }
    }
    this.#together.clear();
  }
}
