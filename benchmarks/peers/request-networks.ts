/** What the peers in JavaScript are asked of a network of any shape, and the values that they all start from. */
import type { NetworkCase } from '../networks.js';
import { uniform } from './request.js';
import { serve } from './serve.js';

interface NetworkRequest {
  case: NetworkCase;
  models: number;
  steps: number;
}

/** Examples that batches are taken from; all models share them, also where others make fresh ones. */
export const ROWS = 4096;

export const isClass = ({ loss }: NetworkCase): boolean => loss === 'crossEntropy';

/** Weights and biases by layer, with their shapes for one model. */
export const shapesOf = ({ widths }: NetworkCase): number[][] =>
  widths.slice(1).flatMap((units, l) => [
    [widths[l], units],
    [1, units],
  ]);

/** Rows and targets: class numbers, or -1 and 1. */
export function examplesOf(one: NetworkCase) {
  const classes = one.widths[one.widths.length - 1];
  const labels = Array.from({ length: ROWS }, () => Math.floor(Math.random() * (isClass(one) ? classes : 2)));
  return {
    x: uniform(ROWS * one.widths[0], 2),
    y: isClass(one) ? Int32Array.from(labels) : Float32Array.from(labels, (label) => 2 * label - 1),
  };
}

export const momentsOf = ({ optimizer }: NetworkCase): number =>
  optimizer.type === 'adamw' ? 2 : Number(optimizer.momentum > 0);

/** The stacked models of a case, as a peer trains them. */
export interface PreparedNetworks {
  /** Sends a step of all models. */
  step(): void;
  /** Resolves when the device is done with the steps. */
  done(): Promise<unknown>;
}

/** Answers requests; a case is prepared once, with a first step that compiles and is not counted. */
export async function serveNetworks(
  prepare: (one: NetworkCase, models: number) => PreparedNetworks,
): Promise<never> {
  const prepared = new Map<string, PreparedNetworks>();
  return serve<NetworkRequest>(async ({ case: one, models, steps }) => {
    const key = `${one.name} ${models}`;
    const known = prepared.get(key);
    const { step, done } = known ?? prepare(one, models);
    prepared.set(key, { step, done });
    const run = async (count: number) => {
      const start = performance.now();
      for (let k = 0; k < count; k++) step();
      await done();
      return performance.now() - start;
    };
    if (!known) await run(1);
    return { ms: (await run(steps)) / steps / models };
  });
}
