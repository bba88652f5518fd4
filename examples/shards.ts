// A sweep in shards, by as many processes on as many machines as there are: `shards.ts out 1/2` and `shards.ts out 2/2` train half
// of the networks each, `shards.ts out` puts the results together. Under a scheduler: `shards.ts out auto`.
import { argv, env } from 'node:process';
import { Generator, openDevice, trainLockstep } from 'lockstep-gpu';
import { ShardResults, shardFrom } from 'lockstep-gpu/shards';

const STEPS = 300;
const RATES = Array.from({ length: 40 }, (_, k) => 10 ** (-4 + k / 10));

/** Points around two centres. */
function clouds(count: number, seed: number) {
  const noise = new Float32Array(2 * count);
  new Generator(seed).normal(noise, 0, 0.5);
  const x = Array.from({ length: count }, (_, k) => [(k % 2) + noise[2 * k], (k % 2) + noise[2 * k + 1]]);
  return { x, y: x.map((_, k) => k % 2) };
}

const [folder = 'out', which] = argv.slice(2);
const results = new ShardResults<number>(folder, { runs: RATES.length, madeOf: { RATES, STEPS } });

async function train(mine: readonly number[]): Promise<Map<number, number>> {
  const device = await openDevice();
  const accuracies = new Map<number, number>();
  for await (const event of trainLockstep(device, {
    runs: mine.map((run) => ({ seed: run, optimizer: { lr: RATES[run] } })), // as without shards
    network: { inputs: 2, layers: [{ units: 16, activation: 'tanh' }, { units: 2 }] },
    data: clouds(256, 1),
    loss: 'crossEntropy',
    maxSteps: STEPS,
    evaluate: { data: clouds(256, 2) },
  })) {
    if (event.type === 'finish') accuracies.set(mine[event.run], event.accuracy);
  }
  device.destroy();
  return accuracies;
}

if (which) {
  const shard = shardFrom(which, env);
  if (await results.isDone(shard)) console.log('done before');
  else console.log(`wrote ${await results.write(shard, await train(results.runsOf(shard)))}`);
} else {
  const [[best, accuracy]] = [...(await results.merge())].sort(([, a], [, b]) => b - a);
  console.log(`best of ${RATES.length}: lr ${RATES[best].toPrecision(2)}, accuracy ${accuracy}`);
}
