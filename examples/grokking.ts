// Grokking (Merrill et al. 2023, "A Tale of Two Circuits"): networks that learn a sparse parity soon know their thousand
// examples by heart, and get others right only many epochs later. Twenty seeds at once, in the paper's setting; on two
// CPU cores that takes two minutes.
import { BitMatrix, Generator, openDevice, parity, trainLockstep } from 'lockstep-gpu';

const SEEDS = 20;
const EPOCHS = 160;
const EVERY = 4; // epochs from one look at the networks to the next
const STEPS = Math.ceil(1000 / 32); // of an epoch

/** Uniform bits, read as -1 and 1, and the parity of the first three of forty. */
function bits(examples: number, seed: number) {
  const x = BitMatrix.random(examples, 40, new Generator(seed));
  return { x, y: parity(x, [0, 1, 2]), signs: true };
}

/** A line: the mean accuracy on the examples and on others, the least and the most on others. */
function draw(epoch: number, known: number[], others: number[]) {
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  const line = [...' '.repeat(41)];
  for (const [accuracies, sign] of [
    [known, '+'],
    [others, 'o'],
  ] as const) {
    line[Math.max(0, Math.round(80 * (mean(accuracies) - 0.5)))] = sign;
  }
  const numbers = [mean(known), mean(others), Math.min(...others), Math.max(...others)];
  console.log(String(epoch).padStart(5), ...numbers.map((one) => one.toFixed(3).padStart(6)), line.join(''));
}

const device = await openDevice();
const training = trainLockstep(device, {
  runs: Array.from({ length: SEEDS }, (_, seed) => ({ seed, data: bits(1000, 1000 + seed) })),
  network: {
    inputs: 40,
    layers: [
      { units: 1000, activation: 'relu' },
      { units: 1, bias: false },
    ],
  },
  loss: 'hinge',
  optimizer: { type: 'sgd', lr: 0.1, weightDecay: 0.01 },
  batchSize: 32,
  maxSteps: EPOCHS * STEPS,
  logInterval: EVERY * STEPS,
  evaluate: { data: bits(1000, 1), every: EVERY * STEPS },
});
console.log('epoch  train   test  from   to     50 %    (+: train, o: test)     100 %');
const looks = new Map<number, { window: number[]; evaluation: number[] }>();
for await (const event of training) {
  if (event.type !== 'window' && event.type !== 'evaluation') continue;
  const look = looks.get(event.step) ?? { window: [], evaluation: [] };
  looks.set(event.step, look);
  look[event.type].push(event.accuracy);
  if (look.evaluation.length === SEEDS) draw(event.step / STEPS, look.window, look.evaluation);
}
device.destroy();
