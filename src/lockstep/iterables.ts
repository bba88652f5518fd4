/** What trainers and recovery share in dealing with iterables: of the caller's runs, and of their own events. */

export type Runs<Run> = Iterable<Run> | AsyncIterable<Run>;
export type Runner<Run> = Iterator<Run> | AsyncIterator<Run>;

/**
 * Tells the caller's iterator that no more runs are wanted. Waits for its clean-up, unless it is still making the next run:
 * an async generator cleans up only after that, and nobody should have to wait for it.
 */
export async function closeRunner(runner: Runner<unknown>, isBusy: boolean): Promise<void> {
  const closed = (async () => runner.return?.())();
  closed.catch(() => {}); // thrown where it is awaited
  if (!isBusy) await closed;
}

/** The events, and then `close`, however they end. Of two errors the first one is thrown, which says more. */
export async function* closedAfter<Event>(
  events: AsyncGenerator<Event, void, undefined>,
  close: () => Promise<void>,
): AsyncGenerator<Event, void, undefined> {
  let failed = false;
  try {
    yield* events;
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    const closed = close();
    if (failed) await closed.catch(() => {});
    else await closed;
  }
}
