/**
 * Losses of the device while this process trains: many tries in little time, as no other process has to start. What is compared
 * is what `bench` writes: the summary as JSON, and the windows that curves are drawn from.
 */
import { type Device, openDevice } from 'lockstep-gpu';
import { evaluate, makeTask, strategyNamed } from 'lockstep-gpu/bench';
import { Lost, type Outcome, type Trial } from './trial.js';

const task = makeTask('n8-k2', 'smoke', {
  ...{ secrets: 2, orders: 1, hiddenWidth: 16, testSetSize: 64 },
  ...{ maxSteps: 150, minStepsBeforeStop: 150, logInterval: 25 },
});

interface Evaluated {
  /** The summary, and the windows in the order of runs and steps. */
  text: string;
  lost: number;
  ms: number;
}

/** @param waits The device is lost so many milliseconds after it was opened, and the next one. */
async function evaluated(waits: readonly number[]): Promise<Evaluated> {
  const left = [...waits];
  const losing = (device: Device) => {
    const wait = left.shift();
    if (wait !== undefined) setTimeout(() => device.gpu.destroy(), wait);
  };
  const device = await openDevice();
  const begin = performance.now();
  losing(device);
  const windows: string[] = [];
  let [summary, lost] = ['', 0];
  const recover = { waitSeconds: 0, checkpointSeconds: 0.02 };
  for await (const event of evaluate(device, strategyNamed('starter'), { task, recover })) {
    if (event.type === 'lost') lost++;
    if (event.type === 'recovered') losing(event.device);
    if (event.type === 'window') windows.push(JSON.stringify(event));
    if (event.type === 'end') summary = JSON.stringify(event.summary);
  }
  device.destroy();
  return { text: [summary, ...windows.sort()].join(), lost, ms: performance.now() - begin };
}

let undisturbed: Promise<Evaluated> | undefined;

/** Loses the device once at least: a try in which the training was done before is no try. */
export async function withLosses(trial: Trial): Promise<Outcome> {
  undisturbed ??= evaluated([]);
  const { text, ms } = await undisturbed;
  for (;;) {
    const found = await evaluated(Array.from({ length: 1 + trial.below(3) }, () => trial.below(ms)));
    if (found.text !== text) throw new Lost('a loss of the device changes the results');
    if (found.lost > 0) return 'survived';
  }
}
