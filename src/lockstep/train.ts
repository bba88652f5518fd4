/**
 * `trainLockstep`: one function for all training in lockstep. It tells two-layer networks of bits, which have kernels
 * of their own, from networks of any shape.
 */
import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { trainNetworks } from './network/trainer.js';
import type { NetworkLockstepEvent, NetworkLockstepOptions } from './network/types.js';
import { trainLockstep as trainBits } from './trainer.js';
import type { LockstepEvent, LockstepOptions } from './types.js';

/** Options that only two-layer networks of bits have. */
const OF_BITS = ['features', 'hidden', 'expectedRuns', 'batchThreads'];

/** Options that only networks of any shape have. */
const OF_NETWORKS = ['network', 'model', 'data', 'loss', 'optimizer', 'schedule', 'evaluate', 'mostRuns'];

/**
 * Trains many networks of any shape, each with its own weights, data, order, loss, optimizer, schedule and stop rule,
 * in the same dispatches. A run's numbers are the same bits whatever else is trained beside it.
 *
 * @param options `runs`, and what all of them share; see {@link NetworkLockstepOptions}.
 * @returns An async iterator of events, see {@link NetworkLockstepEvent}. Leaving the loop early frees everything.
 * @throws LockstepError when the first event is asked for: `bad-input`, naming the option, or the run and its field;
 *   `unsupported` if the device cannot hold a run. Later `device-lost`, and whatever the iterable of runs throws.
 * @example
 * const x = Array.from({ length: 200 }, (_, k) => [Math.sin(k), Math.cos(3 * k)]);
 * const data = { x, y: x.map(([a, b]) => (a * b > 0 ? 1 : 0)) };
 * const network = { inputs: 2, layers: [{ units: 64, activation: 'tanh' as const }, { units: 2 }] };
 * const runs = [0.1, 0.01, 0.001].map((lr) => ({ optimizer: { lr } }));
 * const shared = { network, data, loss: 'crossEntropy' as const, maxSteps: 200, evaluate: { data } };
 * for await (const event of trainLockstep(device, { runs, ...shared })) {
 *   if (event.type === 'finish') console.log(event.run, event.accuracy, (await event.weights())['0.weight'].shape);
 * }
 */
export function trainLockstep(
  device: Device,
  options: NetworkLockstepOptions,
): AsyncGenerator<NetworkLockstepEvent, void, undefined>;
/**
 * Trains many `Linear(N, W) -> ReLU -> Linear(W, 1) -> Sigmoid` networks with mean binary cross-entropy and AdamW,
 * all in the same dispatches. A run's numbers are the same bits whatever else is trained beside it.
 *
 * @param options `runs`, `features` and `maxSteps`; {@link LockstepOptions} has the defaults of the others.
 * @returns An async iterator of events, see {@link LockstepEvent}. Leaving the loop early frees everything.
 * @throws LockstepError when the first event is asked for: `bad-input`, naming the option, or the run and its field,
 *   before anything is allocated (runs of an iterable are checked as they come); `unsupported` if the device cannot
 *   hold a run. Later `device-lost`, after the `finish` events of the runs that were scored before, and whatever the
 *   iterable of runs throws.
 * @example
 * const x = BitMatrix.random(4096, 16, new Generator(1));
 * const dataset = { x, y: parity(x, [0, 1, 2]) };           // or plain arrays of 0 and 1
 * const generator = new Generator(2);
 * const [hidden, output] = [linearParameters(16, 64, generator), linearParameters(64, 1, generator)];
 * const weights = { w1: hidden.weight.data, b1: hidden.bias.data, w2: output.weight.data, b2: output.bias.data };
 * const runs = [0.001, 0.01].map((lr) => ({ weights, dataset, testSet: dataset, orderSeed: 3, optimizer: { lr } }));
 * for await (const event of trainLockstep(device, { runs, features: 16, hidden: 64, maxSteps: 500 })) {
 *   if (event.type === 'finish') console.log(event.run, event.steps, event.testAccuracy);
 * }
 */
export function trainLockstep(
  device: Device,
  options: LockstepOptions,
): AsyncGenerator<LockstepEvent, void, undefined>;
export function trainLockstep(
  device: Device,
  options: LockstepOptions | NetworkLockstepOptions,
): AsyncGenerator<LockstepEvent | NetworkLockstepEvent, void, undefined> {
  return isOfNetworks(options) ? trainAny(device, options) : trainBits(device, options);
}

/**
 * True if the options have nothing of two-layer networks of bits, which cannot do without, and neither has the first run of their
 * list: then the error should be about what those lack.
 */
function isOfNetworks(options: LockstepOptions | NetworkLockstepOptions): options is NetworkLockstepOptions {
  if (typeof options !== 'object' || options === null) return false;
  const has = (object: unknown, names: readonly string[]): boolean =>
    typeof object === 'object' && object !== null && names.some((name) => name in object);
  if (has(options, OF_BITS)) return false;
  const first: unknown = Array.isArray(options.runs) ? options.runs[0] : undefined;
  return has(options, OF_NETWORKS) || !has(first, ['dataset', 'testSet']);
}

async function* trainAny(
  device: Device,
  options: NetworkLockstepOptions,
): AsyncGenerator<NetworkLockstepEvent, void, undefined> {
  checkDevice('trainLockstep', device);
  yield* trainNetworks(device, options);
}
