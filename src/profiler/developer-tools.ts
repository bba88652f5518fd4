/**
 * Passes the spans of a profile to a browser's developer tools by `performance.measure`. Chrome shows them in its
 * performance panel, on tracks of their own (developer.chrome.com/docs/devtools/performance/extension).
 */
import { platformName } from '../platform/platform.js';
import type { Profile } from './profile.js';

const GROUP = 'lockstep-gpu';

/** The most spans that are passed on, as the browser keeps them until the page is closed. */
const MOST_MEASURES = 10_000;

type Measure = (name: string, options: PerformanceMeasureOptions) => unknown;

/** Does nothing outside of browsers, unless told how to measure. */
export function showInDeveloperTools(
  profile: Profile,
  measure: Measure | undefined = platformName() === 'browser'
    ? performance.measure.bind(performance)
    : undefined,
): void {
  if (!measure) return;
  const origin = profile.began - performance.timeOrigin;
  const show = (track: string, color: string, name: string, start: number, end: number, details: object) => {
    const properties = Object.entries(details).map(([key, value]) => [key, String(value)]);
    const devtools = { dataType: 'track-entry', trackGroup: GROUP, track, color, properties };
    measure(name, { start: origin + start, end: origin + end, detail: { devtools } });
  };
  const { kernels, host } = profile;
  for (const { kernel, start, end, variant, shapes = '' } of kernels.slice(0, MOST_MEASURES)) {
    show('device', 'primary', kernel, start, end, { variant, shapes });
  }
  for (const { kind, name, start, end, args = {} } of host.slice(
    0,
    Math.max(0, MOST_MEASURES - kernels.length),
  )) {
    show(`host: ${kind}`, 'tertiary', name, start, end, args);
  }
}
