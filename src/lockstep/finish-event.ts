/** The `finish` event of a run, through which the run's weights can be read until the event is released. */
import { LockstepError } from '../platform/errors.js';
import type { FinishEvent } from './types.js';

/** Methods and private fields are not copied: an event can be cloned, or sent to another thread, without its weights. */
class Finish<Weights> {
  readonly type = 'finish';
  readonly #weights: () => Promise<Weights>;

  constructor(ending: object, weights: () => Promise<Weights>) {
    Object.assign(this, ending);
    this.#weights = weights;
  }

  weights(): Promise<Weights> {
    return this.#weights();
  }
}

/** What a run ended with, and its weights. */
type FinishOf<Ending, Weights> = Ending & Finish<Weights>;

/** An event that can give weights until it is released. */
export interface Held<Event> {
  event: Event;
  release(): void;
}

/**
 * @param read Reads the weights from the device. Called at most once, and not after the release.
 * @param free Called once the device need no longer keep the weights.
 * @param kept The weights, if they were read before: then they are there also after the release.
 */
export function finishEvent<Ending extends { run: number }, Weights>(
  ending: Ending,
  read: () => Promise<Weights>,
  free: () => void,
  kept?: Weights,
): Held<FinishOf<Ending, Weights>> {
  let weights: Promise<Weights> | undefined;
  if (kept !== undefined) weights = (async () => kept)();
  let isHeld = true;
  const ask = () => {
    weights ??= isHeld ? read() : Promise.reject(gone(`the weights of run ${ending.run} are freed`));
    return weights;
  };
  const release = () => {
    if (isHeld) free();
    isHeld = false;
  };
  return { event: new Finish(ending, ask) as FinishOf<Ending, Weights>, release };
}

/** The event of a run that the caller aborted. */
export function abortedEvent(run: number, steps: number): FinishEvent {
  const weights = () =>
    Promise.reject(
      new LockstepError('disposed', `trainLockstep: run ${run} was aborted, and has no final weights.`),
    );
  const ending = { run, steps, reason: 'aborted' as const, testAccuracy: Number.NaN };
  return new Finish(ending, weights) as FinishOf<typeof ending, never>;
}

function gone(what: string): LockstepError {
  const advice = 'Call weights() before the next event is asked for, or train with keepWeights: true';
  return new LockstepError('disposed', `trainLockstep: ${what}. ${advice}.`);
}
