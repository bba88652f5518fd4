// Uncertainty by an ensemble (Lakshminarayanan et al. 2017): 64 networks learn the same curve from other samples of the
// examples. Where examples are they agree; where none are they differ, and so tell that they do not know.
import { Generator, nn, noGrad, openDevice, tensor, trainLockstep } from 'lockstep-gpu';

const MODELS = 64;
const network = () =>
  new nn.Sequential(
    new nn.Linear(1, 32),
    new nn.Tanh(),
    new nn.Linear(32, 32),
    new nn.Tanh(),
    new nn.Linear(32, 1),
  );

/** Noisy points of sin(4 x), from -1 to -0.3 and from 0.3 to 1; drawn with replacement. */
const generator = new Generator(1);
const noise = new Float32Array(80);
generator.normal(noise, 0, 0.1);
const points = Array.from(noise, (error, k) => {
  const x = (k % 2 ? 0.3 : -1) + 0.7 * generator.random53();
  return { x, y: Math.sin(4 * x) + error };
});
function sample() {
  const drawn = points.map(() => points[generator.randint(0, points.length)]);
  return { x: drawn.map(({ x }) => [x]), y: drawn.map(({ y }) => y) };
}

const device = await openDevice();
const models: nn.Sequential[] = [];
for await (const event of trainLockstep(device, {
  runs: Array.from({ length: MODELS }, () => ({ data: sample() })),
  model: network,
  loss: 'mse',
  optimizer: { lr: 0.01 },
  maxSteps: 600,
})) {
  if (event.type !== 'finish') continue;
  models[event.run] = network();
  models[event.run].loadStateDict(await event.weights());
}

const grid = Array.from({ length: 33 }, (_, k) => k / 10 - 1.6);
const ensemble = nn.stack(MODELS, (k) => models[k]); // one call for all of them
const outputs = (await noGrad(() => ensemble(tensor(grid.map((x) => [x])))).toArray()) as number[][][];
console.log('    x    mean  spread  (o: mean, -: two standard deviations, x: the curve)');
grid.forEach((x, i) => {
  const values = outputs.map((model) => model[i][0]);
  const mean = values.reduce((a, b) => a + b) / MODELS;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / MODELS);
  const place = (y: number) => Math.round(30 + 12 * y);
  const inside = (c: number) => Math.abs(c - place(mean)) <= 24 * spread;
  const line = Array.from({ length: 61 }, (_, c): string => (inside(c) ? '-' : ' '));
  line[place(Math.sin(4 * x))] = 'x';
  line[place(mean)] = 'o';
  console.log(
    `${x.toFixed(1).padStart(5)} ${mean.toFixed(3).padStart(7)} ${spread.toFixed(3).padStart(7)}  ${line.join('')}`,
  );
});
device.destroy();
