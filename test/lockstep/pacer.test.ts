/**
 * The pacer against a simulated device: its estimate follows the device's time, not the host's.
 */
import { expect, test } from 'vitest';
import { Pacer, TARGET_MS } from '../../src/lockstep/pacer.js';

const RUNS = 100;
const MAP_MS = 2;

/** A device that takes `msPerStep`, one chunk at a time, and a host that is busy for `hostMs` after each submit. */
function simulate(pacer: Pacer, from: number, chunks: number, msPerStep: number, hostMs: number): number {
  let now = from;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const steps = pacer.steps(RUNS);
    const start = now;
    pacer.submitted(steps, steps * RUNS);
    const done = start + steps * RUNS * msPerStep;
    now += hostMs;
    now += pacer.sleep(start, steps * RUNS, now);
    const before = now;
    now = Math.max(now, done) + MAP_MS;
    pacer.finished(start, steps * RUNS, now, now - before);
  }
  return now;
}

/** Steps a run of a chunk that lasts as long as one on a CPU driver should. */
const wanted = (msPerStep: number) => TARGET_MS.cpu / (msPerStep * RUNS);

test('chunks grow to their length and stay there', () => {
  const pacer = new Pacer(true);
  simulate(pacer, 0, 40, 0.1, 0);
  expect(pacer.steps(RUNS)).toBeGreaterThan(0.9 * wanted(0.1));
  expect(pacer.steps(RUNS)).toBeLessThan(1.2 * wanted(0.1));
});

test('a host that is busy with other things does not make the device look slow', () => {
  const pacer = new Pacer(true);
  const now = simulate(pacer, 0, 40, 0.1, 0);
  simulate(pacer, now, 20, 0.1, 600);
  expect(pacer.steps(RUNS)).toBeGreaterThan(0.9 * wanted(0.1));
});

test('a device that was slow for a while is found fast again within ten chunks of time', () => {
  const pacer = new Pacer(true);
  const slow = simulate(pacer, 0, 40, 5, 0);
  let now = slow;
  while (pacer.steps(RUNS) < 0.9 * wanted(0.1) && now < slow + 60_000) now = simulate(pacer, now, 1, 0.1, 0);
  expect(now - slow).toBeLessThan(10 * TARGET_MS.cpu); // simulated time
});
