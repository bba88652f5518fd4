/**
 * The open window of one run, on the host: how many steps until it closes, which batches it holds, what its sums
 * mean, and how many misses it may have to count as stable. Arithmetic only; the sums are on the device.
 */
import type { Window, WindowRecord } from '../kernels/train/close-window.js';
import type { FinishEvent, StopRule } from './types.js';

/** What a run's windows depend on. */
export interface WindowSettings {
  examples: number;
  batchSize: number;
  logInterval: number;
  maxSteps: number;
  stop?: StopRule;
}

/** The batches of one window: whole ones, and smaller ones of `smallBatch` examples (the last of an epoch). */
type WindowBatches = Omit<Window, 'budget'>;

/** The first step after `step` (counted from 1) at which a window closes. */
export function nextClose(
  step: number,
  { logInterval, maxSteps }: Pick<WindowSettings, 'logInterval' | 'maxSteps'>,
): number {
  if (step < 1) return 1;
  return Math.min(maxSteps, (Math.floor(step / logInterval) + 1) * logInterval);
}

/** The last step, up to `step`, at which a window closed; 0 if none has. */
export function lastClose(step: number, { logInterval, maxSteps }: WindowSettings): number {
  if (step >= maxSteps) return maxSteps;
  return Math.max(Math.min(step, 1), Math.floor(step / logInterval) * logInterval);
}

/** Examples in the batch of the step that follows `step` steps. */
export function examplesOf(
  step: number,
  { examples, batchSize }: Pick<WindowSettings, 'examples' | 'batchSize'>,
): number {
  const perEpoch = Math.ceil(examples / batchSize);
  return (step + 1) % perEpoch === 0 ? examples - (perEpoch - 1) * batchSize : batchSize;
}

/** The batches of the steps after `from`, up to and including `to`. */
export function batchesBetween(
  from: number,
  to: number,
  { examples, batchSize }: WindowSettings,
): WindowBatches {
  const smallBatch = examples % batchSize;
  const perEpoch = Math.ceil(examples / batchSize);
  const small = smallBatch === 0 ? 0 : Math.floor(to / perEpoch) - Math.floor(from / perEpoch);
  return {
    wholeBatches: to - from - small,
    smallBatches: small,
    smallBatch: small === 0 ? 0 : smallBatch,
  };
}

/**
 * Units in a batch. Misses are counted in units of 1 / (batchSize * smallBatch) of a batch, so that they are whole
 * numbers for both kinds of batches.
 */
function unitOf({ smallBatch }: WindowBatches, batchSize: number): number {
  return batchSize * Math.max(1, smallBatch);
}

/** The mean accuracy of `steps` batches. It is what is reported and what the stop rule compares, so that both agree. */
function accuracyAfter(misses: number, steps: number, unit: number): number {
  return (steps * unit - misses) / unit / steps;
}

/** Mean of the batches' accuracies, unweighted, as the protocol takes it. */
export function meanAccuracy(
  batches: WindowBatches,
  batchSize: number,
  hits: number,
  smallHits: number,
): number {
  const { wholeBatches, smallBatches, smallBatch } = batches;
  const missed = wholeBatches * batchSize - hits;
  const missedInSmall = smallBatches * smallBatch - smallHits;
  const misses = missed * Math.max(1, smallBatch) + missedInSmall * batchSize;
  return accuracyAfter(misses, wholeBatches + smallBatches, unitOf(batches, batchSize));
}

/**
 * The most misses with which the window that closes at `step` is stable, in units of 1 / (batchSize * smallBatch) of
 * a batch; -1 if it cannot be. Found with the float64 comparison of the protocol itself.
 */
export function missBudget(
  step: number,
  batches: WindowBatches,
  { batchSize, stop }: WindowSettings,
): number {
  if (!stop || step < stop.minSteps) return -1;
  const steps = batches.wholeBatches + batches.smallBatches;
  const unit = unitOf(batches, batchSize);
  let budget = Math.min(steps * unit, Math.floor(steps * unit * (1 - stop.accuracy)) + 1);
  while (budget >= 0 && accuracyAfter(budget, steps, unit) < stop.accuracy) budget--;
  return budget;
}

/** The result of a window: its means, unless they are NaN, and how the run has ended with it, if it has. */
interface WindowOutcome {
  means?: { loss: number; accuracy: number };
  end?: { steps: number; reason: Exclude<FinishEvent['reason'], 'aborted'> };
}

/** What the record says of a window that closed at `step`. */
export function outcomeOf(
  record: WindowRecord,
  window: Window,
  step: number,
  { batchSize, maxSteps, stop }: Omit<WindowSettings, 'examples'>,
): WindowOutcome {
  if (record.nanSteps > 0) return { end: { steps: step - record.nanSteps + 1, reason: 'non-finite' } };
  const means = {
    loss: record.lossSum / (window.wholeBatches + window.smallBatches),
    accuracy: meanAccuracy(window, batchSize, record.hits, record.smallHits),
  };
  if (stop && record.stableWindows >= stop.windows) return { means, end: { steps: step, reason: 'stopped' } };
  return { means, end: step === maxSteps ? { steps: step, reason: 'max-steps' } : undefined };
}
