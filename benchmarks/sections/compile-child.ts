/** The process that compile.ts starts: opens the device, trains a chunk of two runs, and prints how long each took. */
import { openDevice, trainLockstep } from 'lockstep-gpu';
import { runsOf } from '../runs.js';

const [strategy, features] = [process.argv[2], Number(process.argv[3])];
const runs = runsOf({ strategy, features }, 2);
const start = performance.now();
const device = await openDevice();
const opened = performance.now();
for await (const event of trainLockstep(device, { runs, features, maxSteps: 2 })) {
  if (event.type === 'progress') break;
}
console.log(JSON.stringify({ open: opened - start, first: performance.now() - opened }));
device.destroy();
