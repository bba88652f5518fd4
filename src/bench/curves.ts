/**
 * Draws the learning curves of one configuration as an SVG: loss and accuracy by step, with the median over the runs that
 * still train and the band that holds 80% of them. vega and vega-lite draw it where they are installed; they are not
 * dependencies.
 */
import { LockstepError } from '../platform/errors.js';
import { quantile } from '../platform/quantile.js';

/** A closed window of one run. */
export interface CurvePoint {
  step: number;
  loss: number;
  accuracy: number;
}

interface Band {
  step: number;
  measure: string;
  low: number;
  median: number;
  high: number;
}

/** Share of the runs that the band holds. */
const BAND = 0.8;
/** The loss axis is logarithmic; a loss that rounds to 0 is drawn here. */
const LEAST_LOSS = 1e-8;
const LOSS = 'mean loss of the window';
const ACCURACY = 'mean batch accuracy of the window';

/** Median and band over the runs at each step, for each of the two measures. NaN is left out. */
export function curveBands(points: readonly CurvePoint[]): Band[] {
  const bySteps = new Map<number, CurvePoint[]>();
  for (const point of points) {
    const atStep = bySteps.get(point.step);
    if (atStep) atStep.push(point);
    else bySteps.set(point.step, [point]);
  }
  const ordered = [...bySteps].sort(([a], [b]) => a - b);
  return ordered.flatMap(([step, atStep]) =>
    [
      { measure: LOSS, values: atStep.map((point) => Math.max(point.loss, LEAST_LOSS)) },
      { measure: ACCURACY, values: atStep.map((point) => point.accuracy) },
    ].flatMap(({ measure, values }) => {
      const sorted = Float64Array.from(values.filter(Number.isFinite)).sort();
      if (sorted.length === 0) return [];
      const [low, median, high] = [(1 - BAND) / 2, 0.5, (1 + BAND) / 2].map((share) =>
        quantile(sorted, share),
      );
      return [{ step, measure, low, median, high }];
    }),
  );
}

function panel(measure: string, scale: Record<string, unknown>, title?: string) {
  const y = (field: string) => ({ field, type: 'quantitative', title: measure, scale });
  return {
    transform: [{ filter: { field: 'measure', equal: measure } }],
    width: 560,
    height: 220,
    ...(title === undefined ? {} : { title }),
    encoding: { x: { field: 'step', type: 'quantitative', title: 'training step' } },
    layer: [
      { mark: { type: 'area', opacity: 0.25 }, encoding: { y: y('low'), y2: { field: 'high' } } },
      { mark: { type: 'line' }, encoding: { y: y('median') } },
    ],
  };
}

/** The Vega-Lite specification of the two panels. */
function curveSpec(title: string, points: readonly CurvePoint[]) {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    data: { values: curveBands(points) },
    vconcat: [panel(LOSS, { type: 'log' }, title), panel(ACCURACY, { zero: false, domainMax: 1 })],
  };
}

/**
 * Draws {@link curveSpec} to SVG text.
 *
 * @throws LockstepError `unsupported` where vega and vega-lite are not installed.
 */
export async function drawCurves(title: string, points: readonly CurvePoint[]): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]).catch((cause) => {
    const message =
      'Learning curves are drawn by vega and vega-lite, which are not installed: `npm i vega vega-lite`.';
    throw new LockstepError('unsupported', message, { cause });
  });
  const spec = curveSpec(title, points) as Parameters<typeof vegaLite.compile>[0];
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
