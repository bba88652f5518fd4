/**
 * The page of networks.test.ts: trains networks of random shapes in lockstep, all in one call, and sends back their losses and
 * weights. Bundled by the test; no assertions here.
 */
import { openDevice } from '../../src/adapter/open.js';
import { randomOutcomes, type TrainedNetwork } from './random-outcomes.js';

export interface PageReport {
  adapter: string;
  runs: TrainedNetwork[];
  error?: string;
}

async function report(): Promise<PageReport> {
  const device = await openDevice();
  const runs = await randomOutcomes(device);
  const { vendor, architecture, device: name, description } = device.info;
  const adapter = `${vendor} ${architecture} ${name} ${description}`;
  device.destroy();
  return { adapter, runs };
}

report()
  .catch((error): PageReport => ({ adapter: '', runs: [], error: String(error?.stack ?? error) }))
  .then((body) => fetch('/report', { method: 'POST', body: JSON.stringify(body) }));
