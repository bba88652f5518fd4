// A sweep with the lockstep trainer: learning rates times seeds, all models in the same dispatches. The task is a
// sparse parity, y = (x0 + x1 + x2) mod 2 with 13 more bits that do not matter.
import {
  Generator,
  type LockstepDataset,
  type LockstepRun,
  linearParameters,
  openDevice,
  trainLockstep,
} from 'lockstep-gpu';

const FEATURES = 16;
const HIDDEN = 64;
const RATES = [0.0003, 0.001, 0.01, 0.1];
const SEEDS = 5;

/** Rows of 0 and 1 with a label each. Millions of them would come packed: `BitMatrix.random` and `parity`. */
function parityExamples(count: number, seed: number): LockstepDataset {
  const generator = new Generator(seed);
  const bit = () => generator.randint(0, 2);
  const x = Array.from({ length: count }, () => Array.from({ length: FEATURES }, bit));
  return { x, y: x.map((row) => (row[0] + row[1] + row[2]) % 2) };
}

/** The weights that PyTorch would draw for Linear(16, 64), Linear(64, 1). */
function weights(seed: number): LockstepRun['weights'] {
  const generator = new Generator(seed);
  const hidden = linearParameters(FEATURES, HIDDEN, generator);
  const output = linearParameters(HIDDEN, 1, generator);
  return { w1: hidden.weight.data, b1: hidden.bias.data, w2: output.weight.data, b2: output.bias.data };
}

const device = await openDevice();
const dataset = parityExamples(4096, 1);
const testSet = parityExamples(4096, 2);
const runs: LockstepRun[] = RATES.flatMap((lr) =>
  Array.from({ length: SEEDS }, (_, seed) => ({
    weights: weights(seed),
    dataset, // runs that name the same dataset share its memory
    testSet,
    orderSeed: 100 + seed,
    optimizer: { lr }, // the rest is AdamW's defaults, PyTorch's
  })),
);

const found = new Map<number, { steps: number; accuracy: number }[]>(RATES.map((lr) => [lr, []]));
const training = trainLockstep(device, {
  runs,
  features: FEATURES,
  hidden: HIDDEN,
  maxSteps: 600,
  logInterval: 50,
  stop: { minSteps: 50, accuracy: 1, windows: 2 },
});
for await (const event of training) {
  if (event.type !== 'finish') continue;
  const lr = RATES[Math.floor(event.run / SEEDS)];
  found.get(lr)?.push({ steps: event.steps, accuracy: event.testAccuracy });
}
for (const [lr, list] of found) {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const accuracy = mean(list.map((each) => each.accuracy)).toFixed(4);
  console.log(`lr ${lr}: test accuracy ${accuracy}, mean steps ${mean(list.map((each) => each.steps))}`);
}
device.destroy();
