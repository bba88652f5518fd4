/** The style of the profile's page, light and dark. */

/** Colours of kernels, in the order of their time; readable on light and dark ground. */
export const KERNEL_COLORS = [
  '#4e79e6',
  '#e8983a',
  '#2fa58a',
  '#d9577f',
  '#8d6cd9',
  '#a3a83a',
  '#3fa0cf',
  '#b9744b',
] as const;

/** The colour of all further kernels. */
export const OTHER_COLOR = '#8b93a3';

/** Colours of spans that are not kernels. */
export const HOST_COLORS = {
  upload: '#5fb3a1',
  'read-back': '#b28bd0',
  encode: '#c9a13b',
  submit: '#d07f4f',
  data: '#7d9bd1',
  strategy: '#c46a86',
  worker: '#c46a86',
  code: '#6fa35b',
  compile: '#9a8f80',
  wait: '#8791a5',
  idle: '#c3c9d4',
  unexplained: '#8f96a3',
} as const;

/** Not by CSS's light-dark(), as the canvas reads the values and would get the text `light-dark(…)`. */
const light =
  '--ground: #f5f6f9; --card: #ffffff; --text: #1b2130; --soft: #5d6678; --line: #e2e6ee; --track: #eef1f6; --accent: #2f5bd0;';
const dark =
  '--ground: #12151c; --card: #1a1f29; --text: #e6e9f0; --soft: #98a2b5; --line: #2b3240; --track: #222835; --accent: #8aabff;';

export const pageStyle = /* css */ `
:root { color-scheme: light; ${light} }
@media (prefers-color-scheme: dark) { :root:not([data-theme='light']) { color-scheme: dark; ${dark} } }
:root[data-theme='dark'] { color-scheme: dark; ${dark} }
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 14px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif;
}
main { max-width: 1280px; margin: 0 auto; padding: 28px 24px 48px; }
header { display: flex; align-items: flex-start; gap: 24px; margin-bottom: 20px; }
header div { flex: 1; }
h1 { font-size: 22px; line-height: 1.25; margin: 0 0 4px; letter-spacing: -0.01em; }
header p { margin: 0; color: var(--soft); }
button {
  font: inherit; color: var(--soft); background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: 5px 12px; cursor: pointer;
}
button:hover { color: var(--text); }
h2 { font-size: 14px; margin: 0; font-weight: 650; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; margin-bottom: 16px; }
.card > .head { display: flex; align-items: baseline; justify-content: space-between; gap: 16px; margin-bottom: 12px; }
.card > .head span { color: var(--soft); font-size: 12.5px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 16px; margin-bottom: 16px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px; }
.tile b { display: block; font-size: 25px; line-height: 1.3; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 12.5px; }
.bar { display: flex; height: 26px; border-radius: 6px; overflow: hidden; background: var(--track); gap: 1px; }
.bar i { display: block; min-width: 1px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 12px 0 0; padding: 0; list-style: none; font-size: 13px; }
.legend i, td i.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 7px; }
.legend span { color: var(--soft); font-variant-numeric: tabular-nums; margin-left: 5px; }
canvas { display: block; width: 100%; touch-action: pan-y; cursor: grab; }
canvas.moving { cursor: grabbing; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
.two .card { margin-bottom: 16px; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th { text-align: right; font-weight: 550; color: var(--soft); font-size: 12px; padding: 0 0 7px 14px; white-space: nowrap; }
td { text-align: right; padding: 8px 0 8px 14px; border-top: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; }
td small { display: block; color: var(--soft); font-size: 11.5px; padding-left: 17px; max-width: 330px; }
td .meter { display: block; height: 4px; border-radius: 2px; background: var(--track); margin-top: 5px; min-width: 64px; }
td .meter i { display: block; height: 100%; border-radius: 2px; background: var(--accent); }
td .tag { display: inline-block; padding: 0 9px; border-radius: 10px; background: var(--track); color: var(--text); font-size: 12px; }
tr.sum td { font-weight: 650; }
svg text { fill: var(--soft); font-size: 11.5px; }
svg .name { fill: var(--text); font-weight: 550; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
svg .grid { stroke: var(--line); }
svg .roof { stroke: var(--text); stroke-width: 1.75; fill: none; }
#tip {
  position: fixed; z-index: 2; pointer-events: none; display: none; max-width: 380px; padding: 9px 12px;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 6px 24px #0003; font-size: 12.5px;
}
#tip b { display: block; }
#tip span { color: var(--soft); display: block; }
footer { color: var(--soft); font-size: 12.5px; }
footer p { margin: 0 0 4px; }
@media (max-width: 900px) { .tiles { grid-template-columns: repeat(2, 1fr); } .two { grid-template-columns: 1fr; } }
`;
