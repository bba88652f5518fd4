/**
 * Draws the roofline plot as an SVG: each kernel by its operations per byte and operations per second, under the ceilings of
 * memory and arithmetic (Williams, Waterman and Patterson, Roofline, CACM 52(4), 2009).
 */

import type { Ceilings } from '../kernels/ceilings.js';
import { count, escapeHtml } from './format.js';
import type { KernelRow } from './report.js';

const WIDTH = 560;
const HEIGHT = 300;
const EDGE = { left: 52, right: 16, top: 14, bottom: 40 };
const SMALLEST_RADIUS = 4;
const LARGEST_RADIUS = 13;
/** Height of a line of text. */
const LINE = 14;
/** How many kernels are named in the plot: those that take the most time. */
const NAMED = 5;

interface Scale {
  (value: number): number;
  decades: number[];
}

/** A logarithmic scale from pixel `from` to `to`, over powers of ten that enclose the values. */
function logScale(values: readonly number[], from: number, to: number): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const scale = (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  return Object.assign(scale, { decades: Array.from({ length: high - low + 1 }, (_, k) => 10 ** (low + k)) });
}

/** The plot. Kernels without operations are left out. `color` gives the colour of the n-th kernel. */
export function roofline(
  kernels: readonly KernelRow[],
  ceilings: Ceilings,
  color: (k: number) => string,
): string {
  const dots = kernels
    .map((row, k) => ({ ...row, color: color(k), intensity: (row.flops ?? 0) / (row.bytes ?? 0) }))
    .filter(
      ({ intensity, gflopPerSecond = 0 }) =>
        intensity > 0 && Number.isFinite(intensity) && gflopPerSecond > 0,
    );
  const { gbPerSecond, gflopPerSecond: peak } = ceilings;
  const ridge = peak / gbPerSecond;
  const x = logScale(
    [ridge / 8, ridge * 8, ...dots.map((dot) => dot.intensity)],
    EDGE.left,
    WIDTH - EDGE.right,
  );
  const y = logScale(
    [peak / 100, peak * 1.5, ...dots.map((dot) => dot.gflopPerSecond ?? peak)],
    HEIGHT - EDGE.bottom,
    EDGE.top,
  );
  const [least, most] = [x.decades[0], x.decades[x.decades.length - 1]];
  const lowest = y.decades[0];
  const start = Math.max(least, lowest / gbPerSecond);
  const roof = `M${x(start)} ${y(start * gbPerSecond)}L${x(ridge)} ${y(peak)}L${x(most)} ${y(peak)}`;
  const grid = [
    ...x.decades.map((v) => `<path class="grid" d="M${x(v)} ${EDGE.top}V${HEIGHT - EDGE.bottom}"/>`),
    ...y.decades.map((v) => `<path class="grid" d="M${EDGE.left} ${y(v)}H${WIDTH - EDGE.right}"/>`),
    ...x.decades.map(
      (v) => `<text x="${x(v)}" y="${HEIGHT - EDGE.bottom + 16}" text-anchor="middle">${label(v)}</text>`,
    ),
    ...y.decades.map(
      (v) => `<text x="${EDGE.left - 8}" y="${y(v) + 4}" text-anchor="end">${label(v)}</text>`,
    ),
  ];
  const labels: { y: number; text: string }[] = [];
  const circles = dots.map(({ intensity, gflopPerSecond = 0, share, color: fill, kernel }, k) => {
    const radius = SMALLEST_RADIUS + (LARGEST_RADIUS - SMALLEST_RADIUS) * Math.sqrt(share);
    const [cx, cy] = [x(intensity), y(gflopPerSecond)];
    if (k < NAMED) {
      let at = cy + 4;
      // Move the name below those that are there already.
      for (const { y: taken } of labels) if (Math.abs(at - taken) < LINE) at = taken + LINE;
      const side =
        cx > 0.6 * WIDTH ? { x: cx - radius - 5, anchor: 'end' } : { x: cx + radius + 5, anchor: 'start' };
      const text = `<text class="name" x="${side.x}" y="${at}" text-anchor="${side.anchor}">${escapeHtml(kernel)}</text>`;
      labels.push({ y: at, text });
      labels.sort((a, b) => a.y - b.y);
    }
    return `<circle cx="${cx}" cy="${cy}" r="${radius}" fill="${fill}" fill-opacity="0.9"/>`;
  });
  const right = WIDTH - EDGE.right;
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Roofline plot">${grid.join('')}` +
    `<path class="roof" d="${roof}"/>` +
    `<text x="${x(ridge)}" y="${y(peak) - 8}">${peak.toFixed(1)} GFLOP/s</text>` +
    `<text x="${x(ridge / 12) - 10}" y="${y(peak / 12)}" text-anchor="end">${gbPerSecond.toFixed(1)} GB/s</text>` +
    `${circles.join('')}${labels.map(({ text }) => text).join('')}<text x="${right}" y="${HEIGHT - 4}" text-anchor="end">operations a byte</text>` +
    `<text x="4" y="${HEIGHT - 4}">GFLOP/s</text></svg>`
  );
}

const label = (value: number): string =>
  value >= 1 ? count(value).replace(/\.0+/, '').replace(' ', '') : String(Number(value.toPrecision(1)));
