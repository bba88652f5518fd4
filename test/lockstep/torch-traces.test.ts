// The lockstep trainer against PyTorch's 12 traces: 200 steps each, every step a window of its own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { type Outcome, outcomes, readFixture, runOfTrace, type Trace } from './outcomes.js';

const STRATEGIES = ['feature-isolation', 'feature-isolation-wd1', 'exhaustive-coverage', 'multi-epoch'];
/** Relative error of a step's loss: rounding of float32, in another order than PyTorch's, which training magnifies. */
const LOSS_TOLERANCE = [
  { untilStep: 25, relative: 1e-5 },
  { untilStep: 100, relative: 1e-3 },
  { untilStep: 200, relative: 2e-2 },
];
/**
 * Error of the weights, relative, as a root mean square. After 200 steps a rounding has turned some hidden unit on or
 * off for some sample: the unit's own bias is then 7% off, while the losses still agree to 0.3%.
 */
const WEIGHT_TOLERANCE = 0.05;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const tracesOf = (n: number) => STRATEGIES.map((name) => readFixture<Trace>(`trace.${name}.n${n}`));

function expectToFollow({ windows }: Outcome, trace: Trace, steps: number): void {
  expect(windows.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
  trace.steps.slice(0, steps).forEach(([loss, accuracy], i) => {
    const { relative } = LOSS_TOLERANCE.find(({ untilStep }) => i < untilStep)!;
    const what = `${trace.strategy}, step ${i + 1}`;
    expect(Math.abs(windows[i].loss - loss), `loss of ${what}`).toBeLessThanOrEqual(relative * loss);
    // PyTorch takes the mean in float32.
    if (i < 25) expect(Math.fround(windows[i].accuracy), `accuracy of ${what}`).toBe(accuracy);
  });
}

/** Elements at both ends of each array, and over all of it the sum and the sum of squares. */
function expectWeights({ finish }: Outcome, trace: Trace): void {
  const { w1, b1, w2, b2 } = finish!.weights!;
  for (const [name, array] of Object.entries({
    '0.weight': w1,
    '0.bias': b1,
    '2.weight': w2,
    '2.bias': b2,
  })) {
    const { sum, sum_of_squares, head, tail } = trace.final[name as keyof Trace['final']];
    const what = `${trace.strategy}, ${name}`;
    const allowed = WEIGHT_TOLERANCE * Math.sqrt(sum_of_squares / array.length);
    const ends = [...head, ...tail];
    const mine = [...array.subarray(0, head.length), ...array.subarray(-tail.length)];
    const error = Math.hypot(...ends.map((weight, i) => mine[i] - weight)) / Math.sqrt(ends.length);
    expect(error, `ends of ${what}`).toBeLessThanOrEqual(allowed);
    // Units err independently, the weights of one unit do not: AdamW moves them all once rounding has switched the unit
    // on for a sample. So the error of a sum grows with the root of the units, times the weights of each.
    const perUnit = array.length / (name === '2.bias' ? 1 : b1.length);
    const total = array.reduce((partial, weight) => partial + weight, 0);
    expect(Math.abs(total - sum), `sum of ${what}`).toBeLessThanOrEqual(
      allowed * Math.sqrt(array.length * perUnit),
    );
    const squares = array.reduce((partial, weight) => partial + weight * weight, 0);
    expect(Math.abs(squares - sum_of_squares), `squares of ${what}`).toBeLessThanOrEqual(
      2 * WEIGHT_TOLERANCE * sum_of_squares,
    );
  }
}

describe('the trainer against PyTorch', () => {
  it.each([32, 50, 64])('n%i: four strategies in the same dispatches follow their traces', async (n) => {
    const traces = tracesOf(n);
    const { runs } = await outcomes(device, {
      runs: traces.map((trace) => runOfTrace(trace, n)),
      features: n,
      maxSteps: 200,
      logInterval: 1,
      keepWeights: true,
    });
    traces.forEach((trace, r) => {
      expectToFollow(runs[r], trace, 200);
      expectWeights(runs[r], trace);
    });
  });

  // Of other shapes, test/kernels/train/oracle.test.ts says the same beside float64.
  const others = [
    [32, 'portable'],
    [50, 'tiles-batched'],
    [64, 'tiles-persistent'],
  ] as const;
  it.each(others)('n%i: so does the %s kernel', async (n, kernel) => {
    const traces = tracesOf(n);
    const { runs, plans } = await outcomes(device, {
      runs: traces.map((trace) => runOfTrace(trace, n)),
      features: n,
      maxSteps: 25,
      logInterval: 1,
      kernel,
    });
    expect(new Set(plans.map(({ kernel }) => kernel))).toEqual(new Set([kernel]));
    traces.forEach((trace, r) => {
      expectToFollow(runs[r], trace, 25);
    });
  });
});
