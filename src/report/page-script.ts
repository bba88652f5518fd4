/**
 * The script in the profile's page: it draws the timeline, moves and zooms it, and shows what is under the pointer. The
 * functions are written into the page as text, so they may use only each other and nothing else of this file.
 */

/** A row of the timeline. Spans do not overlap, unless one lies within another. */
export interface Lane {
  label: string;
  /** Where a new group of lanes begins: its heading. */
  group?: string;
  /** start, end (ms), index of the name, index of the colour, index of the detail. */
  spans: [number, number, number, number, number][];
}

export interface Timeline {
  wall: number;
  lanes: Lane[];
  names: string[];
  colors: string[];
  details: string[];
}

/** Heights and widths in CSS pixels. */
export interface Measures {
  lane: number;
  gap: number;
  group: number;
  labels: number;
  axis: number;
}

function showTime(ms: number): string {
  if (ms === 0) return '0';
  const [value, unit] = ms >= 1000 ? [ms / 1000, 's'] : ms >= 1 ? [ms, 'ms'] : [ms * 1000, 'us'];
  return `${value >= 100 ? value.toFixed(0) : Number(value.toPrecision(3))} ${unit}`;
}

/** Where each lane begins, and how high all are. */
function layOut(lanes: Lane[], measures: Measures): { tops: number[]; height: number } {
  let y = measures.axis;
  const tops = lanes.map(({ group }) => {
    if (group) y += measures.group;
    const top = y;
    y += measures.lane + measures.gap;
    return top;
  });
  return { tops, height: y };
}

function drawAxis(
  context: CanvasRenderingContext2D,
  from: number,
  to: number,
  left: number,
  width: number,
  height: number,
  style: CSSStyleDeclaration,
): void {
  const raw = ((to - from) / width) * 110;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw) || 10 * power;
  context.font = '11.5px system-ui, sans-serif';
  context.textAlign = 'left';
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
    const x = left + ((t - from) / (to - from)) * width;
    context.fillStyle = style.getPropertyValue('--line');
    context.fillRect(Math.round(x), 0, 1, height);
    context.fillStyle = style.getPropertyValue('--soft');
    const text = showTime(Math.abs(t) < step / 1e6 ? 0 : t);
    if (x + 5 + context.measureText(text).width <= left + width) context.fillText(text, x + 5, 12);
  }
}

function drawLane(
  context: CanvasRenderingContext2D,
  { spans }: Lane,
  { names, colors }: Timeline,
  scale: (ms: number) => number,
  right: number,
  left: number,
  top: number,
  height: number,
): void {
  let lastX = -1;
  let lastColor = -1;
  for (const [start, end, name, color] of spans) {
    const x0 = Math.max(left, scale(start));
    const x1 = Math.min(right, scale(end));
    if (x1 < left || x0 > right) continue;
    // Thousands of spans in one pixel: draw it once.
    if (Math.floor(x1) === lastX && color === lastColor) continue;
    lastX = Math.floor(x1);
    lastColor = color;
    const width = Math.max(1, x1 - x0 - (x1 - x0 > 3 ? 0.75 : 0));
    context.fillStyle = colors[color];
    if (width > 6 && context.roundRect) {
      context.beginPath();
      context.roundRect(x0, top, width, height, 3);
      context.fill();
    } else context.fillRect(x0, top, width, height);
    if (width > 46) {
      context.save();
      context.beginPath();
      context.rect(x0, top, width - 6, height);
      context.clip();
      context.fillStyle = '#fff';
      context.font = '550 11.5px system-ui, sans-serif';
      context.fillText(names[name], x0 + 7, top + height / 2 + 4);
      context.restore();
    }
  }
}

function startTimeline(
  canvas: HTMLCanvasElement,
  tip: HTMLElement,
  data: Timeline,
  measures: Measures,
): void {
  const view = { from: 0, to: data.wall };
  const { tops, height } = layOut(data.lanes, measures);
  const left = measures.labels;
  const shown = () => canvas.clientWidth - left;
  const scale = (ms: number) => left + ((ms - view.from) / (view.to - view.from)) * shown();

  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d');
    if (!context) return;
    context.scale(ratio, ratio);
    drawAxis(context, view.from, view.to, left, shown(), height, style);
    data.lanes.forEach((lane, k) => {
      context.fillStyle = style.getPropertyValue('--soft');
      context.font = '650 11px system-ui, sans-serif';
      if (lane.group) context.fillText(lane.group, 0, tops[k] - 7);
      context.fillStyle = style.getPropertyValue('--text');
      context.font = '12.5px system-ui, sans-serif';
      context.fillText(lane.label, 0, tops[k] + measures.lane / 2 + 4, left - 12);
      context.fillStyle = style.getPropertyValue('--track');
      context.fillRect(left, tops[k], shown(), measures.lane);
      drawLane(context, lane, data, scale, canvas.clientWidth, left, tops[k], measures.lane);
    });
  };

  const move = (from: number, to: number) => {
    const width = Math.min(data.wall, Math.max(1e-3, to - from));
    view.from = Math.min(Math.max(0, from), data.wall - width);
    view.to = view.from + width;
    draw();
  };
  const timeAt = (x: number) => view.from + ((x - left) / shown()) * (view.to - view.from);

  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const at = timeAt(event.offsetX);
      const factor = Math.exp(event.deltaY * 0.0015);
      move(at - (at - view.from) * factor, at + (view.to - at) * factor);
    },
    { passive: false },
  );
  let grabbed: number | undefined;
  canvas.addEventListener('pointerdown', (event) => {
    grabbed = timeAt(event.offsetX);
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add('moving');
  });
  canvas.addEventListener('pointerup', () => {
    grabbed = undefined;
    canvas.classList.remove('moving');
  });
  canvas.addEventListener('dblclick', () => move(0, data.wall));
  canvas.addEventListener('pointermove', (event) => {
    if (grabbed !== undefined) {
      const by = grabbed - timeAt(event.offsetX);
      move(view.from + by, view.to + by);
      return;
    }
    const at = timeAt(event.offsetX);
    const slack = (1.5 / shown()) * (view.to - view.from);
    const lane = tops.findIndex((top) => event.offsetY >= top && event.offsetY < top + measures.lane);
    const found = data.lanes[lane]?.spans.find(([start, end]) => at >= start - slack && at <= end + slack);
    tip.style.display = found && event.offsetX > left ? 'block' : 'none';
    if (!found) return;
    const [start, end, name, , detail] = found;
    tip.replaceChildren();
    const heading = document.createElement('b');
    heading.textContent = `${data.names[name]}: ${showTime(end - start)}`;
    const lines = [`from ${showTime(start)} to ${showTime(end)}`, ...data.details[detail].split('\n')];
    tip.append(
      heading,
      ...lines.filter(Boolean).map((text) => {
        const line = document.createElement('span');
        line.textContent = text;
        return line;
      }),
    );
    tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - 400)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  });
  canvas.addEventListener('pointerleave', () => {
    tip.style.display = 'none';
  });
  window.addEventListener('resize', draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  document.addEventListener('themechange', draw);
  draw();
}

/** Lets the button switch between light, dark and the system's setting. */
function startTheme(button: HTMLElement): void {
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const label = () => {
    button.textContent = dark() ? 'Light' : 'Dark';
  };
  button.addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    label();
    document.dispatchEvent(new Event('themechange'));
  });
  label();
}

/** The script as text; `data` is a JavaScript expression. */
export function pageScript(data: string, measures: Measures): string {
  const functions = [showTime, layOut, drawAxis, drawLane, startTimeline, startTheme];
  return [
    ...functions.map(String),
    `const data = ${data};`,
    `startTimeline(document.querySelector('canvas'), document.querySelector('#tip'), data, ${JSON.stringify(measures)});`,
    `startTheme(document.querySelector('#theme'));`,
  ].join('\n');
}
