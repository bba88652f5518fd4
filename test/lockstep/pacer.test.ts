/**
 * The pacer against a simulated device: its estimate follows the device's time, not the host's.
 */
import { describe, expect, test } from 'vitest';
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
    const { runSteps } = pacer.chunk(RUNS);
    const start = now;
    pacer.submitted(runSteps);
    const done = start + chunkMs + runSteps * msPerStep;
    now += hostMs;
    const waiting = now;
    now += FIRST_LOOK * pacer.expected(start, runSteps, now);
    const look = now;
    if (now < done) now = waiting + LATER * (done - waiting);
    now += MAP_MS;
    pacer.finished(start, runSteps, now, now - look);
  }
  return now;
}

/** Steps of all runs of a chunk that lasts as long as one on a CPU driver should. */
const wanted = (msPerStep: number) => TARGET_MS.cpu / msPerStep;

test('chunks grow to their length and stay there', () => {
  const pacer = new Pacer(true);
  simulate(pacer, 0, 40, 0.1, 0);
  expect(pacer.chunk(RUNS).runSteps).toBeGreaterThan(0.85 * wanted(0.1)); // found done up to a tenth late
  expect(pacer.chunk(RUNS).runSteps).toBeLessThan(1.2 * wanted(0.1));
});

test('what a chunk costs beside its steps does not keep chunks short', () => {
  const pacer = new Pacer(true);
  simulate(pacer, 0, 6, 0.1, 0, 50);
  expect(pacer.chunk(RUNS).runSteps).toBeGreaterThan(0.8 * wanted(0.1));
});

test('a host that is busy with other things does not make the device look slow', () => {
  const pacer = new Pacer(true);
  const now = simulate(pacer, 0, 40, 0.1, 0);
  simulate(pacer, now, 20, 0.1, 600);
  expect(pacer.chunk(RUNS).runSteps).toBeGreaterThan(0.9 * wanted(0.1));
});

test('a device that was slow for a while is found fast again within ten chunks of time', () => {
  const pacer = new Pacer(true);
  const slow = simulate(pacer, 0, 40, 5, 0);
  let now = slow;
  while (pacer.chunk(RUNS).runSteps < 0.9 * wanted(0.1) && now < slow + 60_000)
    now = simulate(pacer, now, 1, 0.1, 0);
  expect(now - slow).toBeLessThan(10 * TARGET_MS.cpu); // simulated time
});

/**
 * A GPU that takes `msPerStep`, two chunks under way, and a host that now and then is busy for a while between them.
 *
 * @returns How long each chunk lasted on the device, and how many steps it had.
 */
function chunksOnGpu(msPerStep: number, busyMs: (chunk: number) => number, chunks = 60) {
  const pacer = new Pacer(false);
  const flights: { start: number; runSteps: number; done: number }[] = [];
  const lasted: { ms: number; runSteps: number }[] = [];
  let [now, idleFrom] = [0, 0];
  for (let chunk = 0; chunk < chunks; chunk++) {
    while (flights.length < 2) {
      const { runSteps } = pacer.chunk(RUNS);
      pacer.submitted(runSteps);
      const done = Math.max(now, idleFrom) + runSteps * msPerStep;
      lasted.push({ ms: runSteps * msPerStep, runSteps });
      flights.push({ start: now, runSteps, done });
      idleFrom = done;
      now += 1;
    }
    now += busyMs(chunk);
    const { start, runSteps, done } = flights.shift()!;
    const look = now;
    now = Math.max(now, done) + MAP_MS;
    pacer.finished(start, runSteps, now, now - look);
  }
  return lasted;
}

describe.each([1e-5, 1e-3, 0.01, 0.1, 0.4])('on a GPU that takes %f ms a step and run', (msPerStep) => {
  test.each([
    ['not busy', () => 0],
    ['busy for longer than chunks last', () => 700],
    ['busy at times', (chunk: number) => (chunk % 7 === 3 ? 2000 : 0)],
  ])('no chunk lasts 100 ms, with a host that is %s', (_, busyMs) => {
    const lasted = chunksOnGpu(msPerStep, busyMs);
    expect(Math.max(...lasted.map(({ ms }) => ms))).toBeLessThan(100);
    expect(lasted.at(-1)!.runSteps).toBeGreaterThanOrEqual(Math.min(RUNS, lasted[2].runSteps));
  });
});

describe('a chunk', () => {
  const chunk = (runs: number, isCpu: boolean, msPerStep: number) => {
    const pacer = new Pacer(isCpu);
    simulate(pacer, 0, 40, msPerStep, 0);
    return pacer.chunk(runs);
  };

  test('takes a step of each run at least, and all of them, on a GPU', () => {
    expect(chunk(500, false, 0.002).steps).toBeGreaterThan(0.85 * (TARGET_MS.gpu / 0.002 / 500));
    expect(chunk(200, false, 1)).toEqual({ steps: 1, runSteps: 200 });
  });

  test('has a step of 256 runs, not of all, on a GPU that takes longer for it than a chunk should', () => {
    expect(chunk(500, false, 1)).toEqual({ steps: 1, runSteps: 256 });
  });

  test('has 250 steps of each run on a CPU driver, and so not of all runs where there are many', () => {
    const { steps, runSteps } = chunk(50, true, 0.04);
    expect(steps).toBe(Math.floor(runSteps / 50));
    expect(chunk(90, true, 0.04).steps).toBeGreaterThanOrEqual(250); // where 25,000 steps in all take a second
    const turn = chunk(1000, true, 0.04);
    expect(turn.runSteps).toBe(runSteps);
    expect(turn.steps).toBe(Math.floor(runSteps / Math.floor(runSteps / 250)));
  });

  test('takes 64 runs on a slow CPU driver', () => {
    const { steps, runSteps } = chunk(1000, true, 3);
    expect(steps).toBe(Math.floor(runSteps / 64));
    expect(runSteps).toBeLessThan(1.2 * (TARGET_MS.cpu / 3));
    expect(chunk(1000, true, 3000)).toEqual({ steps: 1, runSteps: 64 });
  });
});
