// A hundred networks on two moons at once: each has its own learning rate, weights and order of examples; the best one wins.
import { Generator, openDevice, trainLockstep } from 'lockstep-gpu';

/** Two half circles, one in the other's bend, with some noise. */
function moons(count: number, seed: number) {
  const noise = new Float32Array(2 * count);
  new Generator(seed).normal(noise, 0, 0.15);
  const x = Array.from({ length: count }, (_, k) => {
    const angle = (Math.PI * k) / count;
    const [a, b] = k % 2 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
    return [a + noise[2 * k], b + noise[2 * k + 1]];
  });
  return { x, y: x.map((_, k) => k % 2) };
}

const device = await openDevice();
const rates = Array.from({ length: 100 }, (_, k) => 10 ** (-4 + k / 25));
const training = trainLockstep(device, {
  runs: rates.map((lr) => ({ optimizer: { lr } })), // all else is shared
  network: {
    inputs: 2,
    layers: [{ units: 32, activation: 'tanh' }, { units: 32, activation: 'tanh' }, { units: 2 }],
  },
  data: moons(512, 1),
  loss: 'crossEntropy',
  maxSteps: 300,
  evaluate: { data: moons(512, 2) },
});
let best = { run: -1, accuracy: 0 };
for await (const event of training) {
  if (event.type === 'finish' && event.accuracy > best.accuracy) best = event;
}
console.log(`best of ${rates.length}: lr ${rates[best.run].toPrecision(2)}, accuracy ${best.accuracy}`);
device.destroy();
