/**
 * Measures what the host does while a profile is taken. Without a profile, `span` only calls its function. Profiles
 * themselves are src/profiler's.
 */

/**
 * What the host was doing. Spans of `wait`, `compile` and `worker` (a strategy's own thread) run beside the others. The
 * others keep the main thread busy, and may lie within one another.
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

/** The track that shows each kind. Reports show kinds and tracks in this order. */
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

/** A span of the host's time in a profile, and what the host did in it. */
export interface HostSpan {
  kind: HostKind;
  name: string;
  /** Milliseconds by `performance.now()`; in a {@link Profile}, milliseconds since its start. */
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

/** Whether a profile is being taken. If not, names for spans need not be made. */
export const listening = (): boolean => listeners.size > 0;

/** Reports a span that has ended. */
export function addSpan(span: HostSpan): void {
  for (const listener of listeners) listener(span);
}

/** Calls `run` and measures it, until it returns or the promise that it returns is settled. */
export function span<T>(kind: HostKind, name: string, run: () => T, args?: HostSpan['args']): T {
  if (listeners.size === 0) return run();
  const start = performance.now();
  const end = () => addSpan({ kind, name, start, end: performance.now(), args });
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
