/** The same networks of random shapes in a page and in Node, trained on the device given. No assertions. */
import type { Device } from '../../src/gpu/device.js';
import { networkOutcomes } from '../lockstep/network/outcomes.js';
import { anyCase, type Case, materialize } from '../lockstep/network/random-networks.js';
import fc from '../properties.js';

export interface TrainedNetwork {
  losses: number[];
  accuracies: (number | null)[];
  weights: number[];
}

/** The networks: always the same ones. */
export const CASES: readonly Case[] = fc.sample(anyCase, { seed: 12, numRuns: 24 });

export async function randomOutcomes(device: Device): Promise<TrainedNetwork[]> {
  const runs = CASES.map((one) => materialize(one).run);
  const outcomes = await networkOutcomes(device, { runs, logInterval: 1 });
  return outcomes.map(({ windows, finish }) => ({
    losses: windows.map(({ loss }) => loss),
    // NaN where a loss knows no right and wrong; JSON has none.
    accuracies: windows.map(({ accuracy }) => (Number.isNaN(accuracy) ? null : accuracy)),
    weights: Object.values(finish!.weights).flatMap(({ data }) => [...data]),
  }));
}
