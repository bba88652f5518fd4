/**
 * The pieces of work that `profile` can measure. A piece can be run again and again. Users' own files are script.ts's.
 */
import { Evaluation } from '../bench/evaluate.js';
import { sampleSecrets } from '../bench/secrets.js';
import { startStrategy } from '../bench/strategy-start.js';
import { makeTask } from '../bench/task.js';
import type { Device } from '../gpu/device.js';
import { trainLockstep } from '../lockstep/trainer.js';
import type { LockstepOptions, LockstepRun } from '../lockstep/types.js';
import { linearParameters } from '../nn/host-init.js';
import { Generator } from '../random/generator.js';
import { BitMatrix } from '../tensor/bits.js';
import { parity } from '../tensor/parity.js';

export interface Piece {
  title: string;
  /** Does a little of the work, so that everything it needs is compiled. */
  warmUp(device: Device): Promise<void>;
  /** Does the work. */
  run(device: Device): Promise<void>;
  /** Ends threads that it started. */
  close?(): void;
}

export interface PieceOptions {
  /** Configuration nN-kK. */
  config: string;
  /** Runs that train together. */
  runs: number;
  /** Training steps of each. */
  steps: number;
  /** The training kernel; `auto` for the one that training would take. */
  kernel: LockstepOptions['kernel'];
}

/** Rows of the training set. A step's time does not depend on their number. */
const ROWS = 4096;
const TEST_ROWS = 2048;
const WARM_UP_STEPS = 2;

/** Runs on one dataset of uniformly drawn rows, all columns live. */
export function trainingRuns({ config, runs }: PieceOptions): { runs: LockstepRun[]; features: number } {
  const task = makeTask(config, 'smoke', { secrets: 1 });
  const [secret] = sampleSecrets(task, 42);
  const generator = new Generator(42);
  const labelled = (rows: number) => {
    const x = BitMatrix.random(rows, task.nFeatures, generator);
    return { x, y: parity(x, secret) };
  };
  const [dataset, testSet] = [labelled(ROWS), labelled(TEST_ROWS)];
  const made = Array.from({ length: runs }, (_, k): LockstepRun => {
    const first = linearParameters(task.nFeatures, task.hiddenWidth, generator);
    const second = linearParameters(task.hiddenWidth, 1, generator);
    const weights = {
      w1: first.weight.data,
      b1: first.bias.data,
      w2: second.weight.data,
      b2: second.bias.data,
    };
    return { weights, dataset, testSet, orderSeed: k };
  });
  return { runs: made, features: task.nFeatures };
}

/** Trains runs to the end. */
export async function train(
  device: Device,
  runs: LockstepRun[],
  features: number,
  maxSteps: number,
  kernel: LockstepOptions['kernel'],
): Promise<void> {
  let finished = 0;
  for await (const { type } of trainLockstep(device, { runs, features, maxSteps, kernel })) {
    if (type === 'finish') finished++;
  }
  if (finished < runs.length) throw new Error(`${finished} of ${runs.length} runs finished`);
}

/** Training steps of the parity network, as the evaluation trains it. */
export function stepPiece(options: PieceOptions): Piece {
  const { runs, features } = trainingRuns(options);
  const { steps, kernel, config } = options;
  return {
    title: `${steps} training steps of ${runs.length} runs, ${config}`,
    warmUp: (device) => train(device, runs, features, Math.min(WARM_UP_STEPS, steps), kernel),
    run: (device) => train(device, runs, features, steps, kernel),
  };
}

/** A short evaluation, from the strategy's thread to the scores. */
export async function benchPiece({ config }: PieceOptions): Promise<Piece> {
  const host = await startStrategy({ builtin: 'feature-isolation' });
  const evaluate = async (device: Device, maxSteps?: number) => {
    const evaluation = await Evaluation.prepare(host, makeTask(config, 'smoke', { maxSteps }));
    for await (const event of evaluation.train(device)) if (event.type === 'end') return;
  };
  return {
    title: `a short evaluation (--smoke) of feature-isolation, ${config}`,
    warmUp: (device) => evaluate(device, WARM_UP_STEPS),
    run: (device) => evaluate(device),
    close: () => host.close(),
  };
}
