/** Draws the secrets of an evaluation (the hidden sets of coordinates) as Python's `random` does. */
import { PythonRandom } from '../random/python.js';
import { secretsSeed, validateSeed } from './seeds.js';
import { checkSecrets, type Task } from './task.js';

/** The coordinates whose sum mod 2 is the label, ascending. */
export type Secret = readonly number[];

/**
 * `task.secrets` different secrets of `task.secretSize` coordinates. Each is a sorted sample; repeated ones are drawn again.
 *
 * @throws LockstepError `bad-input` for more secrets than there are subsets.
 *
 * @example sampleSecrets(makeTask('n32-k8'), 42)[0]   // [0, 1, 12, 15, 19, 21, 26, 27]
 */
export function sampleSecrets(
  task: Pick<Task, 'nFeatures' | 'secretSize' | 'secrets'>,
  seed: number,
): Secret[] {
  checkSecrets('sampleSecrets', task);
  validateSeed(seed);
  const random = new PythonRandom(secretsSeed(seed));
  const found = new Map<string, Secret>();
  while (found.size < task.secrets) {
    const secret = random.sample(task.nFeatures, task.secretSize).sort((a, b) => a - b);
    found.set(secret.join(), secret);
  }
  return [...found.values()];
}
