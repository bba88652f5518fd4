// A sampler of one's own in WGSL: the device draws fresh points of two spirals for every step, and nothing is sent while it
// trains. How often the spirals turn is a parameter of each run.
import { openDevice, type Sampler, trainLockstep } from 'lockstep-gpu';

/** Points of two spirals, one the other turned by half a circle; the class says on which one. */
const spirals = (turns: number): Sampler => ({
  inputs: 2,
  classes: 2,
  parameters: [turns, 0.02],
  wgsl: `
    fn sample(e: Example) {
      let words = random(e, 0u);
      let side = below(words.x, 2u);
      let t = 0.1 + 0.9 * uniformOf(words.y);
      let angle = 6.2831853 * (parameter(e, 0u) * t + 0.5 * f32(side));
      let noise = parameter(e, 1u) * normals(random(e, 1u)).xy;
      setInput(e, 0u, t * cos(angle) + noise.x);
      setInput(e, 1u, t * sin(angle) + noise.y);
      setTarget(e, 0u, f32(side));
    }`,
});

const device = await openDevice();
const turns = Array.from({ length: 8 }, (_, k) => 0.25 * (k + 1));
const training = trainLockstep(device, {
  runs: turns.map((count) => ({ data: spirals(count), evaluate: { data: spirals(count) } })),
  network: {
    inputs: 2,
    layers: [{ units: 32, activation: 'silu' }, { units: 32, activation: 'silu' }, { units: 2 }],
  },
  loss: 'crossEntropy',
  optimizer: { lr: 0.01 },
  batchSize: 64,
  maxSteps: 500,
});
const accuracies: number[] = [];
for await (const event of training) {
  if (event.type === 'finish') accuracies[event.run] = event.accuracy;
}
turns.forEach((count, k) => {
  console.log(`${count} turns: accuracy ${accuracies[k].toFixed(3)}`);
});
device.destroy();
