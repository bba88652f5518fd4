/** The `finish` event of a run, through which the run's weights can be read until the event is released. */
import { LockstepError } from '../platform/errors.js';
import type { FinishEvent, MlpWeights } from './types.js';

/** The part of an event that is known before its run is scored. */
type Ending = Pick<FinishEvent, 'run' | 'steps' | 'reason'>;

/**
 * Methods and private fields are not copied: an event can be cloned, or sent to another thread, without its weights.
 */
class Finish implements FinishEvent {
  readonly type = 'finish';
  readonly run: number;
  readonly steps: number;
  readonly reason: FinishEvent['reason'];
  readonly testAccuracy: number;
  readonly #weights: () => Promise<MlpWeights>;

  constructor({ run, steps, reason }: Ending, testAccuracy: number, weights: () => Promise<MlpWeights>) {
    this.run = run;
    this.steps = steps;
    this.reason = reason;
    this.testAccuracy = testAccuracy;
    this.#weights = weights;
  }

  weights(): Promise<MlpWeights> {
    return this.#weights();
  }
}

/** An event that can give weights until it is released. */
export interface HeldEvent {
  event: FinishEvent;
  release(): void;
}

/**
 * @param read Reads the weights from the device. Called at most once, and not after the release.
 * @param free Called once the device need no longer keep the weights.
 */
export function finishEvent(
  ending: Ending,
  testAccuracy: number,
  read: () => Promise<MlpWeights>,
  free: () => void,
): HeldEvent {
  let weights: Promise<MlpWeights> | undefined;
  let isHeld = true;
  const ask = () => {
    weights ??= isHeld ? read() : Promise.reject(gone(`the weights of run ${ending.run} are freed`));
    return weights;
  };
  const release = () => {
    if (isHeld) free();
    isHeld = false;
  };
  return { event: new Finish(ending, testAccuracy, ask), release };
}

/** The event of a run that the caller aborted. */
export function abortedEvent(run: number, steps: number): FinishEvent {
  const weights = () =>
    Promise.reject(
      new LockstepError('disposed', `trainLockstep: run ${run} was aborted, and has no final weights.`),
    );
  return new Finish({ run, steps, reason: 'aborted' }, Number.NaN, weights);
}

function gone(what: string): LockstepError {
  const advice = 'Call weights() before the next event is asked for, or train with keepWeights: true';
  return new LockstepError('disposed', `trainLockstep: ${what}. ${advice}.`);
}
