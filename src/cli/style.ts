/**
 * Colours and short numbers for a terminal. Colours are off for a stream that is not a terminal, and follow NO_COLOR and
 * FORCE_COLOR (no-color.org). picocolors' own rule looks only at standard output, and colours every CI log.
 */
import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(stream: NodeJS.WriteStream): Colors {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '0';
  return pc.createColors(!NO_COLOR && (forced || (stream.isTTY === true && TERM !== 'dumb')));
}

/** 1234567 as '1,234,567'. */
export const grouped = (value: number) => Math.round(value).toLocaleString('en-US');

/** Seconds as '42 s', '3:07' or '1:02:03'. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
