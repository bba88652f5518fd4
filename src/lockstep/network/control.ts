/**
 * What fits a network of any shape in a pause: which other settings its optimizer may have, and from which runs it can go on.
 * ../control.ts collects the decisions.
 */
import {
  momentsOf,
  type OptimizerDescription,
  type OptimizerSettings,
  optimizerOf,
  showMoments,
} from '../../network/optimizers.js';
import { badArgument, withDefaults } from '../../platform/arguments.js';
import type { ControlRules } from '../control.js';
import type { NetworkProgress } from './progress.js';

export const networkRules: ControlRules<NetworkProgress, OptimizerDescription, OptimizerSettings> = {
  changed(where, run, settings) {
    const before = run.optimizer;
    if (run.isScheduled && settings.lr !== undefined) {
      throw badArgument(where, 'lr', settings.lr, 'the run has a schedule, which sets its learning rate');
    }
    const described = withDefaults<OptimizerDescription>(run.described, settings);
    const optimizer = optimizerOf(where, described);
    const [given, had] = [optimizer, before].map(showMoments);
    if (given !== had) throw badArgument(where, 'the optimizer', given, `it goes on as ${had}`);
    if (run.schedulesMomentum && optimizer.beta1 !== before.beta1) {
      const name = optimizer.type === 'adamw' || optimizer.type === 'adam' ? 'betas[0]' : 'momentum';
      throw badArgument(where, name, optimizer.beta1, 'the run has a schedule, which sets it');
    }
    // At once, so that a second change in the same pause adds to the first.
    run.described = described;
    return optimizer;
  },

  forkProblem(run, from) {
    const [to, source] = [run, from].map(({ index }) => `run ${index}`);
    if (layersOf(run) !== layersOf(from)) {
      return `${to} has layers of ${layersOf(run)}, ${source} of ${layersOf(from)}; they must be the same`;
    }
    const [type, other] = [run.optimizer.type, from.optimizer.type];
    if (type !== other || momentsOf(run.optimizer) !== momentsOf(from.optimizer)) {
      return `${to} trains with ${type}, ${source} with ${other}, or with another number of moments; they must be the same`;
    }
    return undefined;
  },
};

const layersOf = ({ run }: NetworkProgress): string =>
  run.network.layers
    .map(({ inputs, units, bias }) => `${inputs} x ${units}${bias ? ' + bias' : ''}`)
    .join(', ');
