/**
 * The pacer against a simulated device: its estimate follows the device's time, not the host's.
 */
import { expect, test } from 'vitest';
import { Pacer, TARGET_MS } from '../../src/lockstep/pacer.js';

const RUNS = 100;
/** What a map of finished work takes. */
const MAP_MS = 0.3;
/** Looks come after half of the expected time, and then at the latest after a tenth of the time waited. */
const [FIRST_LOOK, LATER] = [0.5, 1.1];

/**
 * A device that takes `msPerStep`, one chunk at a time and each `chunkMs` longer, and a host that is busy for `hostMs`
 * after each submit.
 */
function simulate(
  pacer: Pacer,
  from: number,
  chunks: number,
  msPerStep: number,
  hostMs: number,
  chunkMs = 0,
): number {
  let now = from;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const steps = pacer.steps(RUNS);
    const start = now;
    pacer.submitted(steps, steps * RUNS);
    const done = start + chunkMs + steps * RUNS * msPerStep;
    now += hostMs;
    const waiting = now;
    now += FIRST_LOOK * pacer.expected(start, steps * RUNS, now);
    const look = now;
    if (now < done) now = waiting + LATER * (done - waiting);
    now += MAP_MS;
    pacer.finished(start, steps * RUNS, now, now - look);
  }
  return now;
}

/** Steps a run of a chunk that lasts as long as one on a CPU driver should. */
const wanted = (msPerStep: number) => TARGET_MS.cpu / (msPerStep * RUNS);

test('chunks grow to their length and stay there', () => {
  const pacer = new Pacer(true);
  simulate(pacer, 0, 40, 0.1, 0);
  expect(pacer.steps(RUNS)).toBeGreaterThan(0.85 * wanted(0.1)); // found done up to a tenth late
  expect(pacer.steps(RUNS)).toBeLessThan(1.2 * wanted(0.1));
});

test('what a chunk costs beside its steps does not keep chunks short', () => {
  const pacer = new Pacer(true);
  simulate(pacer, 0, 6, 0.1, 0, 50);
  expect(pacer.steps(RUNS)).toBeGreaterThan(0.8 * wanted(0.1));
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

test('with many runs on a CPU driver chunks keep 64 steps, unless those take 3 s', () => {
  const steps = (runs: number, isCpu: boolean) => {
    const pacer = new Pacer(isCpu);
    simulate(pacer, 0, 20, 0.1, 0);
    return pacer.steps(runs);
  };
  expect(steps(400, true)).toBe(64); // 2.6 s
  expect(steps(1000, true)).toBeGreaterThanOrEqual(27); // 30 take 3 s; found done up to a tenth late
  expect(steps(1000, true)).toBeLessThanOrEqual(30);
  expect(steps(500, false)).toBeLessThanOrEqual(1); // 50 ms
});
