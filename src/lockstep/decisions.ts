/**
 * Decisions in pauses of two-layer networks of bits: what fits a run, and what becomes of it. control.ts collects them; training.ts
 * knows when runs pause.
 */
import { checkOptimizer } from './adamw-settings.js';
import type { ControlRules, Decision } from './control.js';
import type { Run } from './run.js';
import type { AdamWSettings } from './types.js';

export const rules: ControlRules<Run, AdamWSettings, AdamWSettings> = {
  changed(where, _run, settings) {
    const given = { ...settings };
    const checked = Object.entries(checkOptimizer(where, given));
    return Object.fromEntries(checked.filter(([name]) => given[name as keyof AdamWSettings] !== undefined));
  },

  /**
   * Weights of features that a run leaves out have no moments. Such a feature of one run may have some in another, which would go
   * on moving its weight: so both have to leave out the same ones.
   */
  forkProblem(run, from) {
    const [columns, others] = [run, from].map(({ placement }) => new Set(placement.columns));
    const missing = [...others].find((column) => !columns.has(column));
    const further = [...columns].find((column) => !others.has(column));
    const [column, without, trains] = missing !== undefined ? [missing, run, from] : [further, from, run];
    if (column === undefined) return undefined;
    return (
      `feature ${column} is 0 in all examples of run ${without.index}, which leaves it out of the training, and run ` +
      `${trains.index} trains it; both must train the same features`
    );
  },
};

/** Carries decisions out, in their order. Runs that are stopped end later: they keep what they have here. */
export function carryOut(decisions: readonly Decision<Run, AdamWSettings>[]): void {
  for (const decision of decisions) {
    const { run } = decision;
    if (decision.type === 'stop') run.stop();
    else if (decision.type === 'change') run.change(decision.optimizer);
    else run.fork(decision.from);
  }
}
