/** Tells in words how two evaluations differ, for a `--resume` that is refused. It compares plain data, nothing else. */
import { isDeepStrictEqual } from 'node:util';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shown = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value));

/**
 * Each value by which `there` differs from `here`, in the order of `here`; empty where there is none.
 *
 * @example differences({ seed: 1, config: { a: 1 } }, { seed: 1, config: { a: 2 } }) // ['config.a is 1 there and 2 here']
 */
export function differences(there: unknown, here: unknown, name = ''): string[] {
  if (isDeepStrictEqual(there, here)) return [];
  if (!isRecord(there) || !isRecord(here))
    return [`${name || 'the content'} is ${shown(there)} there and ${shown(here)} here`];
  const keys = new Set([...Object.keys(here), ...Object.keys(there)]);
  return [...keys].flatMap((key) => differences(there[key], here[key], name ? `${name}.${key}` : key));
}
