// Training that stops and goes on, to the same bits: `checkpoint` events say where every run stands. What they hold are
// plain arrays and numbers, for a file (`serialize` of node:v8) or, in a browser, for IndexedDB.
import {
  Generator,
  type LockstepDataset,
  type LockstepRun,
  linearParameters,
  openDevice,
  type RunCheckpoint,
  trainLockstep,
} from 'lockstep-gpu';

const FEATURES = 16;
const HIDDEN = 64;

/** Examples of a sparse parity, y = (x0 + x1) mod 2. */
function parityExamples(count: number, seed: number): LockstepDataset {
  const generator = new Generator(seed);
  const bit = () => generator.randint(0, 2);
  const x = Array.from({ length: count }, () => Array.from({ length: FEATURES }, bit));
  return { x, y: x.map((row) => row[0] ^ row[1]) };
}

function weights(seed: number): LockstepRun['weights'] {
  const generator = new Generator(seed);
  const hidden = linearParameters(FEATURES, HIDDEN, generator);
  const output = linearParameters(HIDDEN, 1, generator);
  return { w1: hidden.weight.data, b1: hidden.bias.data, w2: output.weight.data, b2: output.bias.data };
}

const device = await openDevice();
const dataset = parityExamples(1024, 1);
const testSet = parityExamples(1024, 2);
const runs: LockstepRun[] = Array.from({ length: 4 }, (_, seed) => ({
  weights: weights(seed),
  dataset,
  testSet,
  orderSeed: 100 + seed,
  optimizer: { lr: 0.01 },
}));
const options = { features: FEATURES, hidden: HIDDEN, maxSteps: 600, logInterval: 50 };

/** Final weights and test accuracy, by run. */
const whole = new Map<number, { w1: Float32Array; accuracy: number }>();
for await (const event of trainLockstep(device, { ...options, runs })) {
  if (event.type !== 'finish') continue;
  const { w1 } = await event.weights();
  whole.set(event.run, { w1, accuracy: event.testAccuracy });
}

// The same again, to be stopped half way. Here a checkpoint is always due; a minute is more like it.
let saved: { run: number; checkpoint: RunCheckpoint }[] = [];
for await (const event of trainLockstep(device, { ...options, runs, checkpointSeconds: 1e-6 })) {
  if (event.type !== 'checkpoint') continue;
  saved = event.runs; // runs that have ended are not in it: their `finish` was reported before
  if (saved.some(({ checkpoint }) => checkpoint.steps >= 300)) break;
}
for (const { run, checkpoint } of saved) console.log(`run ${run} stopped at step ${checkpoint.steps}`);

const rest = saved.map(({ run, checkpoint }) => ({ ...runs[run], checkpoint }));
for await (const event of trainLockstep(device, { ...options, runs: rest })) {
  if (event.type !== 'finish') continue;
  const { run } = saved[event.run]; // runs are numbered by their place in the list
  const { w1 } = await event.weights();
  const same = whole.get(run)!.w1.every((w, k) => w === w1[k]);
  console.log(`run ${run}: test accuracy ${event.testAccuracy}, the same weights: ${same}`);
}
device.destroy();
