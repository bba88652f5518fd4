/**
 * Spans of time on the host, for the profile that is being taken, if any: with none, `span` only calls its function.
 * Which profiles there are is recording.ts's.
 */

/**
 * What the host was doing. `wait`, `compile` and `worker` (a strategy's own thread) go on beside the others, which keep the
 * thread busy and lie within one another.
 */
export type HostKind =
  | 'upload'
  | 'read-back'
  | 'encode'
  | 'submit'
  | 'data'
  | 'strategy'
  | 'code'
  | 'wait'
  | 'compile'
  | 'worker';

/** Where it went on, by kind; kinds and tracks in the order in which reports show them. */
export const HOST_TRACKS = {
  upload: 'main thread',
  'read-back': 'main thread',
  encode: 'main thread',
  submit: 'main thread',
  data: 'main thread',
  strategy: 'main thread',
  code: 'main thread',
  wait: 'waiting',
  compile: 'compiling',
  worker: 'strategy thread',
} as const satisfies Record<HostKind, string>;

export const HOST_KINDS = Object.keys(HOST_TRACKS) as HostKind[];

/** A stretch of the host's time in a profile, in milliseconds, and what it went to. */
export interface HostSpan {
  kind: HostKind;
  name: string;
  /** Milliseconds, as `performance.now()` counts them; in a {@link Profile} since its start. */
  start: number;
  end: number;
  args?: Readonly<Record<string, string | number>>;
}

type Listener = (span: HostSpan) => void;
const listeners = new Set<Listener>();

export function listen(listener: Listener): void {
  listeners.add(listener);
}

export function unlisten(listener: Listener): void {
  listeners.delete(listener);
}

/** Whether anyone is told of spans: without, whoever would have to ask a driver for a name need not. */
export const listening = (): boolean => listeners.size > 0;

/** Notes a span that is over. */
export function noteSpan(span: HostSpan): void {
  for (const listener of listeners) listener(span);
}

/** Calls `run`; the span ends when it returns, or when the promise that it returns is settled. */
export function span<T>(kind: HostKind, name: string, run: () => T, args?: HostSpan['args']): T {
  if (listeners.size === 0) return run();
  const start = performance.now();
  const end = () => noteSpan({ kind, name, start, end: performance.now(), args });
  let pending = false;
  try {
    const result = run();
    if (typeof (result as Promise<unknown> | undefined)?.then === 'function') {
      pending = true;
      (result as Promise<unknown>).then(end, end);
    }
    return result;
  } finally {
    if (!pending) end();
  }
}
