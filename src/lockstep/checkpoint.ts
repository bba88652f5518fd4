/**
 * Checks whether a run can resume from a checkpoint that the caller passes in, with the same bits. It cannot detect a sound
 * checkpoint of a run that differs in its initial weights or settings only. Files of checkpoints are written by src/bench.
 */
import { SUMS } from '../../shaders/train/chunk.wgsl.js';
import { KERNEL_NAMES, type KernelName } from '../kernels/train/training-kernel.js';
import { checkOptionNames, showKind } from '../platform/options.js';
import type { BinaryDataset } from '../tensor/bits.js';
import { dataMark, otherRun } from './checkpoint-of.js';
import { isObject, type Settings, shown } from './options.js';
import type { RunCheckpoint } from './types.js';
import { lastClose } from './windows.js';

/**
 * How a kernel keeps a run: the floats of its `state`, and the samples from one batch to the next in each of its
 * `sums`.
 */
export interface StateLayout {
  kernel: KernelName;
  stateFloats: number;
  batchPitch: number;
}

const NAMES: Record<keyof RunCheckpoint, true> = {
  steps: true,
  kernel: true,
  state: true,
  sums: true,
  stableWindows: true,
  of: true,
  control: true,
};
/** What the sums count, in words. */
const COUNTS: Record<Exclude<(typeof SUMS)[number], 'losses'>, string> = {
  hits: 'hits',
  smallHits: 'hits of smaller batches',
  nanSteps: 'steps without a number',
};

type Context = Pick<Settings, 'batchSize' | 'kernel' | 'logInterval' | 'maxSteps' | 'stop'>;

/** What a checkpoint says of its run. */
export function kindOf(dataset: BinaryDataset, orderSeed: number, batchSize: number): RunCheckpoint['of'] {
  const { x, y } = dataset;
  // Remembered by the pair: one x may have labels for each run.
  return {
    data: dataMark(dataset, `${x.rows} examples`, () => [[x.cols], x.words, y.words]),
    batchSize,
    orderSeed,
  };
}

/**
 * The reason why no run with these settings can resume from a checkpoint; undefined if one can. Without `layoutOf`, the lengths
 * of the arrays are not checked.
 */
export function checkpointProblem(
  where: string,
  checkpoint: RunCheckpoint,
  settings: Context,
  of: RunCheckpoint['of'],
  layoutOf?: () => StateLayout,
): string | undefined {
  if (!isObject(checkpoint)) return `it is ${shown(checkpoint)}; it must be what a checkpoint event holds`;
  checkOptionNames(where, checkpoint, Object.keys(NAMES));
  const { steps, kernel, state, sums, stableWindows } = checkpoint as RunCheckpoint;
  const { maxSteps } = settings;
  if (!Number.isInteger(steps) || steps < 0 || steps >= maxSteps) {
    return `its checkpoint stands at step ${shown(steps)}; it must be a whole number below maxSteps, ${maxSteps}`;
  }
  if (!(KERNEL_NAMES as readonly unknown[]).includes(kernel)) {
    return `its kernel is ${showKind(kernel)}; there are ${KERNEL_NAMES.join(', ')}`;
  }
  const wanted = settings.kernel;
  if (wanted !== 'auto' && wanted !== kernel) return otherKernel(kernel, wanted);
  const wrong = tagged('state', state, 'Float32Array') ?? tagged('sums', sums, 'Uint32Array');
  if (wrong) return wrong;
  const other = otherRun(checkpoint.of, of);
  if (other) return other;
  if (layoutOf) {
    const layout = layoutOf();
    if (layout.kernel !== kernel) return otherKernel(kernel, layout.kernel);
    const problem =
      lengthProblem('state', state, layout.stateFloats) ??
      lengthProblem('sums', sums, SUMS.length * layout.batchPitch) ??
      sumsProblem(sums, layout.batchPitch, steps, settings);
    if (problem) return problem;
  }
  return stableProblem(stableWindows, steps, settings);
}

const otherKernel = (made: KernelName, trains: string): string =>
  `it was made by the kernel ${made}, and ${trains} is to train it`;

function tagged(name: string, value: unknown, type: string): string | undefined {
  if (ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === `[object ${type}]`)
    return undefined;
  return `its ${name} is ${shown(value)}; it must be a ${type}`;
}

const lengthProblem = (name: string, { length }: ArrayLike<number>, wanted: number): string | undefined =>
  length === wanted ? undefined : `its ${name} has ${length} elements instead of ${wanted}`;

/** Checks the sums of the open window: no sample can count more often than the window has had steps. */
function sumsProblem(
  sums: Uint32Array,
  pitch: number,
  steps: number,
  { batchSize, ...settings }: Context,
): string | undefined {
  const open = steps - lastClose(steps, { ...settings, batchSize, examples: 1 });
  const at = (sum: (typeof SUMS)[number]) => SUMS.indexOf(sum) * pitch;
  const losses = new Float32Array(sums.slice(at('losses'), at('losses') + pitch).buffer);
  for (let sample = 0; sample < batchSize; sample++) {
    for (const [sum, words] of Object.entries(COUNTS)) {
      const count = sums[at(sum as keyof typeof COUNTS) + sample];
      if (count > open)
        return `its sums count ${count} ${words} for sample ${sample}, in a window of ${open} steps so far`;
    }
    const loss = losses[sample];
    const fits = Number.isFinite(loss) ? open > 0 || loss === 0 : sums[at('nanSteps') + sample] > 0;
    if (!fits)
      return `its sums have a loss of ${loss} for sample ${sample}, in a window of ${open} steps so far`;
  }
  return undefined;
}

function stableProblem(
  stableWindows: number,
  steps: number,
  { logInterval, stop }: Context,
): string | undefined {
  const first = steps >= 1 && logInterval > 1 ? 1 : 0;
  const closed = first + Math.floor(steps / logInterval);
  const most = stop ? Math.min(closed, stop.windows - 1) : 0;
  if (Number.isInteger(stableWindows) && stableWindows >= 0 && stableWindows <= most) return undefined;
  return `its stableWindows is ${shown(stableWindows)}; at step ${steps} it must be a whole number from 0 to ${most}`;
}
