/**
 * A training's events sorted by run, and runs of random bits; nothing of Node, so that a page can use it too. No
 * assertions.
 */
import type { Device } from '../../src/gpu/device.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { FinishEvent, LockstepEvent, LockstepOptions, MlpWeights } from '../../src/lockstep/types.js';
import { Generator } from '../../src/random/generator.js';
import { type BinaryDataset, BitMatrix, BitVector } from '../../src/tensor/bits.js';

export type WindowEvent = Extract<LockstepEvent, { type: 'window' }>;
export type PlanEvent = Extract<LockstepEvent, { type: 'plan' }>;

export interface Outcome {
  windows: WindowEvent[];
  finish?: Finish;
}

/** A finish event with its weights, where a run has some. */
export type Finish = Omit<FinishEvent, 'weights'> & { weights?: MlpWeights };

export async function withWeights(event: FinishEvent): Promise<Finish> {
  return { ...event, weights: event.reason === 'aborted' ? undefined : await event.weights() };
}

/** Trains to the end: windows, finish event and weights of each run, and what was planned. */
export async function outcomes(
  device: Device,
  options: LockstepOptions,
): Promise<{ runs: Outcome[]; plans: PlanEvent[] }> {
  const runs: Outcome[] = [];
  const plans: PlanEvent[] = [];
  for await (const event of trainLockstep(device, options)) {
    if (event.type === 'plan') plans.push(event);
    if (event.type !== 'window' && event.type !== 'finish') continue;
    runs[event.run] ??= { windows: [] };
    const run = runs[event.run];
    if (event.type === 'window') run.windows.push(event);
    else run.finish = await withWeights(event);
  }
  return { runs, plans };
}

/** A run's numbers without its place among the others: what has to be the same bits however it was trained. */
export function bitsOf({ windows, finish }: Outcome): unknown {
  const { steps, reason, testAccuracy, weights } = finish!;
  return {
    windows: windows.map(({ step, loss, accuracy }) => [step, loss, accuracy]),
    finish: { steps, reason, testAccuracy },
    weights: weights && Object.values(weights).map((array) => new Uint32Array(array.slice().buffer)),
  };
}

/** Weights of the size that PyTorch's Linear draws. */
export function randomWeights(features: number, hidden: number, seed: number): MlpWeights {
  const generator = new Generator(seed);
  const uniform = (length: number, fanIn: number) => {
    const array = new Float32Array(length);
    generator.uniform(array, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
    return array;
  };
  return {
    w1: uniform(hidden * features, features),
    b1: uniform(hidden, features),
    w2: uniform(hidden, hidden),
    b2: uniform(1, hidden),
  };
}

/** Fair bits in all columns but those of `dead`, which are 0. Labels: fair bits too, or as `label` says. */
export function randomDataset(
  rows: number,
  features: number,
  seed: number,
  { dead = [], label }: { dead?: readonly number[]; label?: 0 | 1 } = {},
): BinaryDataset {
  const generator = new Generator(seed);
  const x = BitMatrix.random(rows, features, generator);
  for (let row = 0; row < rows; row++) for (const column of dead) x.set(row, column, 0);
  const y = new BitVector(rows);
  for (let row = 0; row < rows; row++) y.set(row, label ?? generator.randint(0, 2));
  return { x, y };
}
