/** Checks what a checkpoint says of decisions in pauses. checkpoint.ts checks the rest of it. */
import { badArgument, checkNumber, checkObject, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { checkOptimizer } from './adamw-settings.js';
import { isFloat32Array, type Settings } from './options.js';
import type { RunCheckpoint, RunControl } from './types.js';

const NAMES: Record<keyof RunControl, true> = {
  optimizer: true,
  optimizerSteps: true,
  last: true,
  status: true,
  leftOut: true,
};
const STATUS: Record<RunControl['status'], true> = { trains: true, waits: true, stopped: true };

/** @throws LockstepError `bad-input` naming what does not fit. */
export function checkControl(
  where: string,
  { steps, control }: RunCheckpoint,
  { features, hidden }: Pick<Settings, 'features' | 'hidden'>,
): void {
  if (control === undefined) return;
  checkObject(where, 'it', control, 'it is { optimizer, optimizerSteps, last, status, leftOut }');
  checkOptionNames(where, control, Object.keys(NAMES));
  const { optimizer, optimizerSteps, last, status, leftOut } = control;
  checkObject(where, 'optimizer', optimizer, '{ lr, betas, eps, weightDecay } fits');
  checkOptimizer(where, optimizer);
  checkNumber(where, 'optimizerSteps', optimizerSteps, { min: 0, whole: true });
  const isPair = Array.isArray(last) && last.length === 2 && last.every((value) => typeof value === 'number');
  if (!isPair) throw badArgument(where, 'last', last, 'loss and accuracy fit, two numbers');
  checkText(where, 'status', status, Object.keys(STATUS));
  checkObject(where, 'leftOut', leftOut, '{ factor, since } fits');
  checkOptionNames(`${where}: leftOut`, leftOut, ['factor', 'since', 'w1']);
  checkNumber(where, 'leftOut.factor', leftOut.factor);
  checkNumber(where, 'leftOut.since', leftOut.since, { min: 0, max: steps, whole: true });
  const { w1 } = leftOut;
  if (w1 === undefined || (isFloat32Array(w1) && w1.length === hidden * features)) return;
  throw badArgument(where, 'leftOut.w1', w1, `a Float32Array of ${hidden} x ${features} numbers fits`);
}
