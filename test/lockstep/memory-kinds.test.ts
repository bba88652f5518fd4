// Runs whose weights, bits and checkpoints lie in other memory (shared, resizable, in the middle of a buffer, of another
// realm) train to the same bits, packed or a byte a bit. Memory that is gone is refused, not read as empty.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { LockstepRun, RunCheckpoint } from '../../src/lockstep/types.js';
import { type BinaryDataset, BitMatrix, BitVector } from '../../src/tensor/bits.js';
import { ARRAY_CARRIERS, transferred } from '../carriers.js';
import { bitsOf, outcomes, randomDataset, randomWeights } from './outcomes.js';

const FEATURES = 40;
const HIDDEN = 16;
const options = { features: FEATURES, hidden: HIDDEN, batchSize: 32, maxSteps: 20, keepWeights: true };
const run: LockstepRun = {
  weights: randomWeights(FEATURES, HIDDEN, 1),
  dataset: randomDataset(100, FEATURES, 2),
  testSet: randomDataset(90, FEATURES, 3),
  orderSeed: 4,
  optimizer: { lr: 0.01, weightDecay: 0.1, betas: [0.9, 0.99] },
};

let device: Device;
let checkpoint: RunCheckpoint;
beforeAll(async () => {
  device = await openDevice();
  for await (const event of trainLockstep(device, { ...options, runs: [run], checkpointSeconds: 1e-6 })) {
    if (event.type !== 'checkpoint' || event.runs[0].checkpoint.steps === 0) continue;
    checkpoint = event.runs[0].checkpoint;
    break;
  }
});
afterAll(() => device.destroy());

type Carry = (typeof ARRAY_CARRIERS)[string];

const heldSet = ({ x, y }: BinaryDataset, carry: Carry): BinaryDataset => ({
  x: new BitMatrix(x.rows, x.cols, carry(x.words)),
  y: new BitVector(y.length, carry(y.words)),
});
/** The same, a byte a bit. */
const plainSet = ({ x, y }: BinaryDataset, carry: Carry): LockstepRun['dataset'] => ({
  x: carry(Uint8Array.from({ length: x.rows * x.cols }, (_, i) => x.get(Math.floor(i / x.cols), i % x.cols))),
  y: carry(Uint8Array.from({ length: y.length }, (_, i) => y.get(i))),
});
const held = (carry: Carry): LockstepRun => ({
  ...run,
  weights: {
    w1: carry(run.weights.w1),
    b1: carry(run.weights.b1),
    w2: carry(run.weights.w2),
    b2: carry(run.weights.b2),
  },
  dataset: heldSet(run.dataset as BinaryDataset, carry),
  testSet: heldSet(run.testSet as BinaryDataset, carry),
});

describe.each(Object.entries(ARRAY_CARRIERS))('arrays %s', (_, carry) => {
  it('train to the same bits, from the start and from a checkpoint', async () => {
    const checkpointHeld = { ...checkpoint, state: carry(checkpoint.state), sums: carry(checkpoint.sums) };
    const bytes = { ...held(carry), dataset: plainSet(run.dataset as BinaryDataset, carry) };
    const runs = [
      run,
      held(carry),
      bytes,
      { ...run, checkpoint },
      { ...held(carry), checkpoint: checkpointHeld },
    ];
    const trained = await outcomes(device, { ...options, runs });
    const [plain, other, fromBytes, resumed, otherResumed] = trained.runs.map(bitsOf);
    expect(other).toEqual(plain);
    expect(fromBytes).toEqual(plain);
    expect(otherResumed).toEqual(resumed);
  });
});

it.each<[string, () => Partial<LockstepRun>]>([
  ['weights', () => ({ weights: { ...run.weights, w1: transferred(run.weights.w1.slice()) } })],
  ['bits', () => ({ dataset: gone(run.dataset as BinaryDataset) })],
  [
    'labels',
    () => ({ dataset: { x: (run.dataset as BinaryDataset).x, y: transferred(new Uint8Array(100)) } }),
  ],
  ['a state', () => ({ checkpoint: { ...checkpoint, state: transferred(checkpoint.state.slice()) } })],
])('%s whose memory is gone are refused', async (_, more) => {
  const runs = [{ ...run, ...more() }];
  await expect(outcomes(device, { ...options, runs })).rejects.toThrow(/^trainLockstep: run 0/);
});

function gone({ x, y }: BinaryDataset): BinaryDataset {
  const copy = new BitMatrix(x.rows, x.cols, x.words.slice());
  transferred(copy.words);
  return { x: copy, y };
}
