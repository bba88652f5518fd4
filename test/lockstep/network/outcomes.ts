/** A training's events sorted by run, as what can be compared bit by bit. Nothing of Node, so that a page can use it too. */
import type { Device } from '../../../src/gpu/device.js';
import { trainNetworks } from '../../../src/lockstep/network/trainer.js';
import type { NetworkLockstepEvent, NetworkLockstepOptions } from '../../../src/lockstep/network/types.js';
import type { HostStateDict } from '../../../src/network/network.js';

type Of<Type extends NetworkLockstepEvent['type']> = Extract<NetworkLockstepEvent, { type: Type }>;

export interface NetworkOutcome {
  plan: Of<'plan'>;
  windows: Of<'window'>[];
  evaluations: Of<'evaluation'>[];
  finish?: Omit<Of<'finish'>, 'weights'> & { weights: HostStateDict };
}

/** Trains to the end. */
export async function networkOutcomes(
  device: Device,
  options: NetworkLockstepOptions,
  at: (event: NetworkLockstepEvent) => void = () => {},
): Promise<NetworkOutcome[]> {
  const runs: NetworkOutcome[] = [];
  for await (const event of trainNetworks(device, options)) {
    if (event.type === 'plan') runs[event.run] = { plan: event, windows: [], evaluations: [] };
    if (event.type === 'window') runs[event.run].windows.push(event);
    if (event.type === 'evaluation') runs[event.run].evaluations.push(event);
    if (event.type === 'finish') runs[event.run].finish = { ...event, weights: await event.weights() };
    at(event);
  }
  return runs;
}

/** Every bit of a run's weights. */
export const weightBits = (weights: HostStateDict): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { data }]) => [name, [...new Uint32Array(data.slice().buffer)]]),
  );

/** A run's numbers without its place among the others: what has to be the same bits however it was trained. */
export function bitsOf({ windows, evaluations, finish }: NetworkOutcome): unknown {
  const numbers = ({ step, loss, accuracy }: Of<'window' | 'evaluation'>) => [step, loss, accuracy];
  const { steps, reason, loss, accuracy, weights } = finish!;
  return {
    windows: windows.map(numbers),
    evaluations: evaluations.map(numbers),
    finish: { steps, reason, loss, accuracy },
    weights: weightBits(weights),
  };
}
