/**
 * The oracle: one run after another in float64 on the CPU, in the terms of the parity protocol. It says what the
 * kernels and the lockstep trainer should compute, for any N, W and batch size. Clear rather than fast (2 to 5 ms
 * a step at W = 512), and no path of the library trains with it.
 */

import { ADAMW_DEFAULTS } from '../../../src/lockstep/adamw-settings.js';
import type { AdamWSettings, LockstepOptions, LockstepRun, MlpWeights } from '../../../src/lockstep/types.js';
import { EpochOrder } from '../../../src/random/epoch-order.js';
import type { BinaryDataset } from '../../../src/tensor/bits.js';
import { packDataset } from '../../../src/tensor/pack-bits.js';

/** What the oracle needs of {@link LockstepOptions}; defaults as there. */
export type ReferenceOptions = Pick<
  LockstepOptions,
  'features' | 'hidden' | 'batchSize' | 'maxSteps' | 'logInterval' | 'stop'
>;

/** Loss and accuracy of one batch, before its update, or the means of a window that closed at `step`. */
export interface Measured {
  /** Counted from 1. */
  step: number;
  loss: number;
  accuracy: number;
}

export type Float64Weights = { [K in keyof MlpWeights]: Float64Array };

export interface ReferenceResult {
  batches: Measured[];
  windows: Measured[];
  steps: number;
  reason: 'stopped' | 'max-steps' | 'non-finite';
  weights: Float64Weights;
  /** NaN without a test set. */
  testAccuracy: number;
}

/**
 * Trains one run to its end.
 *
 * @example trainReference(run, { features: 32, maxSteps: 200 }).batches[0].loss
 */
export function trainReference(run: LockstepRun, options: ReferenceOptions): ReferenceResult {
  const { features, hidden = 512, batchSize = 128, maxSteps, logInterval = 250, stop } = options;
  const dataset = packDataset(run.dataset, { cols: features });
  const model = new ReferenceMlp(run.weights, features, hidden, { ...ADAMW_DEFAULTS, ...run.optimizer });
  const order = new EpochOrder(dataset.x.rows, run.orderSeed);
  const batches: Measured[] = [];
  const windows: Measured[] = [];
  let open: Measured[] = [];
  let stable = 0;
  let reason: ReferenceResult['reason'] = 'max-steps';
  for (let step = 1; step <= maxSteps; step++) {
    const indices = new Uint32Array(Math.min(batchSize, order.remaining));
    order.take(indices, 0, indices.length);
    const batch = { step, ...model.step(dataset, indices) };
    batches.push(batch);
    open.push(batch);
    if (!Number.isFinite(batch.loss)) {
      reason = 'non-finite';
      break;
    }
    if (step === 1 || step % logInterval === 0 || step === maxSteps) {
      const window = windowOf(open);
      windows.push(window);
      open = [];
      const passing = stop !== undefined && step >= stop.minSteps && window.accuracy >= stop.accuracy;
      stable = passing ? stable + 1 : 0;
      if (stop !== undefined && stable >= stop.windows) {
        reason = 'stopped';
        break;
      }
    }
  }
  return {
    batches,
    windows,
    steps: batches.length,
    reason,
    weights: model.weights,
    testAccuracy: run.testSet ? model.accuracy(packDataset(run.testSet, { cols: features })) : Number.NaN,
  };
}

/** Unweighted means: a partial batch counts as much as a whole one. */
function windowOf(batches: Measured[]): Measured {
  const mean = (key: 'loss' | 'accuracy') =>
    batches.reduce((sum, batch) => sum + batch[key], 0) / batches.length;
  return { step: batches[batches.length - 1].step, loss: mean('loss'), accuracy: mean('accuracy') };
}

/** `Linear(N, W) -> ReLU -> Linear(W, 1) -> Sigmoid` with its gradients and AdamW, in float64. */
export class ReferenceMlp {
  readonly weights: Float64Weights;
  private readonly gradients: Float64Weights;
  private readonly first: Float64Weights;
  private readonly second: Float64Weights;
  private readonly activations: Float64Array;
  private steps = 0;

  constructor(
    initial: MlpWeights,
    private readonly features: number,
    private readonly hidden: number,
    private optimizer: Required<AdamWSettings>,
  ) {
    this.weights = mapWeights(initial, (array) => Float64Array.from(array));
    this.gradients = mapWeights(initial, (array) => new Float64Array(array.length));
    this.first = mapWeights(initial, (array) => new Float64Array(array.length));
    this.second = mapWeights(initial, (array) => new Float64Array(array.length));
    this.activations = new Float64Array(hidden);
  }

  /** Goes on with these settings; others stay. */
  change(optimizer: AdamWSettings): void {
    this.optimizer = { ...this.optimizer, ...optimizer };
  }

  /** Goes on from another one's weights and moments. */
  fork(from: ReferenceMlp): void {
    for (const part of ['weights', 'first', 'second'] as const)
      for (const [name, values] of Object.entries(from[part]))
        this[part][name as keyof MlpWeights].set(values);
    this.steps = from.steps;
  }

  /** One step on the examples at `indices`; the measures are those before the update. */
  step(data: BinaryDataset, indices: Uint32Array): { loss: number; accuracy: number } {
    for (const gradient of Object.values(this.gradients)) gradient.fill(0);
    let loss = 0;
    let hits = 0;
    for (const e of indices) {
      const active = activeColumns(data, e);
      const y = label(data, e);
      const p = this.forward(active);
      loss -= y * Math.max(Math.log(p), -100) + (1 - y) * Math.max(Math.log(1 - p), -100);
      if (p >= 0.5 === y >= 0.5) hits++;
      // BCELoss divides by p (1 - p), at least 1e-12; Sigmoid multiplies by it. Where p saturates the gradient dies.
      const lossByP = (p - y) / Math.max(p * (1 - p), 1e-12) / indices.length;
      this.backward(active, lossByP * p * (1 - p));
    }
    this.update();
    return { loss: loss / indices.length, accuracy: hits / indices.length };
  }

  /** Share of the set with `(p >= 0.5) == (y >= 0.5)`. */
  accuracy(data: BinaryDataset): number {
    let hits = 0;
    for (let e = 0; e < data.x.rows; e++) {
      if (this.forward(activeColumns(data, e)) >= 0.5 === label(data, e) >= 0.5) hits++;
    }
    return hits / data.x.rows;
  }

  /** p of the example whose bits are set in the `active` columns; keeps the hidden activations. */
  private forward(active: number[]): number {
    const { w1, b1, w2, b2 } = this.weights;
    let z2 = b2[0];
    for (let h = 0; h < this.hidden; h++) {
      let z1 = b1[h];
      for (const i of active) z1 += w1[h * this.features + i];
      this.activations[h] = z1 < 0 ? 0 : z1;
      z2 += this.activations[h] * w2[h];
    }
    return 1 / (1 + Math.exp(-z2));
  }

  /** Adds the gradients of the example that `forward` saw last. ReLU's gradient at 0 is 0. */
  private backward(active: number[], byZ2: number): void {
    const { w1, b1, w2, b2 } = this.gradients;
    b2[0] += byZ2;
    for (let h = 0; h < this.hidden; h++) {
      if (this.activations[h] === 0) continue;
      w2[h] += byZ2 * this.activations[h];
      const byZ1 = byZ2 * this.weights.w2[h];
      b1[h] += byZ1;
      for (const i of active) w1[h * this.features + i] += byZ1;
    }
  }

  /** AdamW, the decay decoupled; biases decay too. */
  private update(): void {
    const { lr, weightDecay, betas, eps } = this.optimizer;
    const [beta1, beta2] = betas;
    const t = ++this.steps;
    const stepSize = lr / (1 - beta1 ** t);
    const correction = Math.sqrt(1 - beta2 ** t);
    for (const key of ['w1', 'b1', 'w2', 'b2'] as const) {
      const [w, g, m, v] = [this.weights[key], this.gradients[key], this.first[key], this.second[key]];
      for (let k = 0; k < w.length; k++) {
        m[k] = beta1 * m[k] + (1 - beta1) * g[k];
        v[k] = beta2 * v[k] + (1 - beta2) * g[k] * g[k];
        w[k] = w[k] * (1 - lr * weightDecay) - (stepSize * m[k]) / (Math.sqrt(v[k]) / correction + eps);
      }
    }
  }
}

function mapWeights(weights: MlpWeights, make: (array: Float32Array) => Float64Array): Float64Weights {
  return { w1: make(weights.w1), b1: make(weights.b1), w2: make(weights.w2), b2: make(weights.b2) };
}

function activeColumns(data: BinaryDataset, e: number): number[] {
  const columns: number[] = [];
  for (let i = 0; i < data.x.cols; i++) if (data.x.get(e, i) === 1) columns.push(i);
  return columns;
}

const label = (data: BinaryDataset, e: number): number => data.y.get(e);
