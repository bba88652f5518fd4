// Population-based training (Jaderberg et al. 2017): every hundred steps the worst quarter goes on from the weights and moments of
// the best, with a learning rate near theirs.
import { Generator, openDevice, trainLockstep } from 'lockstep-gpu';

const POPULATION = 16;
const generator = new Generator(1);
const uniform = () => generator.random53();
const x = Array.from({ length: 512 }, () => [2 * uniform() - 1, 2 * uniform() - 1]);
const data = { x, y: x.map(([a, b]) => Math.sin(4 * a) * Math.cos(3 * b)) };

const device = await openDevice();
const rates = Array.from({ length: POPULATION }, () => 10 ** (-5 + 3 * uniform()));
const training = trainLockstep(device, {
  runs: rates.map((lr) => ({ optimizer: { lr } })),
  network: {
    inputs: 2,
    layers: [{ units: 64, activation: 'silu' }, { units: 64, activation: 'silu' }, { units: 1 }],
  },
  data,
  loss: 'mse',
  maxSteps: 600,
  evaluate: { data, every: 100 },
  pauseEvery: 100,
});
let forks = 0;
let [least, most] = [Number.POSITIVE_INFINITY, 0];
for await (const event of training) {
  if (event.type === 'finish') [least, most] = [Math.min(least, event.loss), Math.max(most, event.loss)];
  if (event.type !== 'pause') continue;
  const ranked = [...event.runs].sort((a, b) => a.loss - b.loss).map(({ run }) => run);
  const quarter = Math.floor(ranked.length / 4);
  for (let k = 0; k < quarter; k++) {
    const [winner, loser] = [ranked[k], ranked[ranked.length - 1 - k]];
    event.control.fork(loser, { from: winner });
    rates[loser] = rates[winner] * (uniform() < 0.5 ? 0.8 : 1.25);
    event.control.change(loser, { lr: rates[loser] });
    forks++;
  }
}
console.log(`${forks} forks: loss ${least.toFixed(5)} at best, ${most.toFixed(5)} at worst`);
device.destroy();
