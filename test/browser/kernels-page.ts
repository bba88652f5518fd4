/**
 * The page of kernels.test.ts: trains small runs with every kernel that the browser's adapter can run, and sends back
 * how far each is from the float64 oracle. Bundled by the test; no assertions here.
 */
import { openDevice } from '../../src/adapter/open.js';
import { KERNEL_NAMES, type KernelName } from '../../src/kernels/train/training-kernel.js';
import { variantNamed } from '../../src/lockstep/autotune/candidates.js';
import { trainReference } from '../kernels/train/reference.js';
import { outcomes, randomDataset, randomWeights } from '../lockstep/random-runs.js';

export interface KernelReport {
  kernel: KernelName;
  shape: string;
  /** Why it cannot run here; then the rest is missing. */
  refusal?: string;
  /** What the trainer says it ran. */
  ran?: string[];
  /** Greatest error of a window's loss, relative, and of its accuracy. */
  lossError?: number;
  accuracyError?: number;
  /** Greatest root mean square error of an array of weights. */
  weightsError?: number;
  steps?: number;
  /** Final weights, as bits. */
  bits?: number[];
}

export interface PageReport {
  adapter: string;
  subgroups: number[];
  kernels: KernelReport[];
  error?: string;
}

const SHAPES = [
  { features: 8, hidden: 128, batchSize: 128, rows: 300, maxSteps: 4 },
  { features: 33, hidden: 20, batchSize: 50, rows: 120, maxSteps: 4 },
];

async function report(): Promise<PageReport> {
  const device = await openDevice();
  const { info } = device;
  const kernels: KernelReport[] = [];
  for (const { rows, ...shape } of SHAPES) {
    const { features, hidden, batchSize, maxSteps } = shape;
    const run = {
      weights: randomWeights(features, hidden, 1),
      dataset: randomDataset(rows, features, 2),
      orderSeed: 3,
      optimizer: { lr: 0.01, weightDecay: 0.1, betas: [0.9, 0.99] as const },
    };
    const options = { ...shape, logInterval: 1 };
    const expected = trainReference(run, options);
    for (const kernel of KERNEL_NAMES) {
      const name = `${features} -> ${hidden}, batch ${batchSize}`;
      try {
        variantNamed(kernel, device, { features, hidden, batch: batchSize }, 1);
      } catch (error) {
        kernels.push({ kernel, shape: name, refusal: (error as Error).message });
        continue;
      }
      const trained = await outcomes(device, { ...options, runs: [run], kernel, keepWeights: true });
      const { windows, finish } = trained.runs[0];
      const errors = expected.windows.map(({ loss, accuracy }, i) => [
        Math.abs(windows[i].loss - loss) / loss,
        Math.abs(windows[i].accuracy - accuracy),
      ]);
      const weights = (['w1', 'b1', 'w2', 'b2'] as const).map((array) => {
        const squares = expected.weights[array].map((w, i) => (finish!.weights![array][i] - w) ** 2);
        return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
      });
      kernels.push({
        kernel,
        shape: name,
        ran: trained.plans.map((plan) => plan.kernel),
        lossError: Math.max(...errors.map(([loss]) => loss)),
        accuracyError: Math.max(...errors.map(([, accuracy]) => accuracy)),
        weightsError: Math.max(...weights),
        steps: maxSteps === windows.length ? finish!.steps : -1,
        bits: [...new Uint32Array(finish!.weights!.w1.slice().buffer)],
      });
    }
  }
  const adapter = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  device.destroy();
  return { adapter, subgroups: [info.subgroupMinSize, info.subgroupMaxSize], kernels };
}

report()
  .catch((error) => ({ adapter: '', subgroups: [], kernels: [], error: String(error?.stack ?? error) }))
  .then((body) => fetch('/report', { method: 'POST', body: JSON.stringify(body) }));
