/**
 * Learning curves: what is drawn for each step, and that the drawing is an SVG with both panels.
 */
import { expect, test } from 'vitest';
import { curveBands, drawCurves } from '../../src/bench/curves.js';

const points = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].flatMap((run) => [
  { step: 500, loss: 0.1 * run, accuracy: 1 },
  { step: 250, loss: 1 + run, accuracy: 0.5 + run / 100 },
]);

test('median and the band of 80% at each step, in order of steps', () => {
  const bands = curveBands(points);
  expect(bands.map(({ step }) => step)).toEqual([250, 250, 500, 500]);
  expect(bands[0]).toMatchObject({ low: expect.closeTo(2, 12), median: 6, high: expect.closeTo(10, 12) });
  expect(bands[1].median).toBeCloseTo(0.55, 12);
});

test('windows that are no number are left out; a loss of 0 has a place on a logarithmic axis', () => {
  const bands = curveBands([
    { step: 1, loss: Number.NaN, accuracy: 0.5 },
    { step: 1, loss: 3, accuracy: 0.5 },
    { step: 2, loss: 0, accuracy: 1 },
  ]);
  expect(bands[0].median).toBe(3);
  expect(bands[2].low).toBeGreaterThan(0);
});

test('the drawing is an SVG with the title and both axes', async () => {
  const svg = await drawCurves('a title', points);
  expect(svg).toMatch(/^<svg/);
  for (const text of ['a title', 'mean loss of the window', 'mean batch accuracy of the window'])
    expect(svg).toContain(text);
});
