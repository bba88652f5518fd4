/** What a peer in JavaScript is asked for: `steps` training steps of `models` models at once. */
export interface StepRequest {
  features: number;
  hidden: number;
  batch: number;
  models: number;
  steps: number;
}

export interface StepAnswer {
  /** Milliseconds of the first step after this shape's compilation began; 0 if it was compiled before. */
  compileMs: number;
  /** Milliseconds for a step of one model. */
  ms: number;
}

/** Values that every peer starts from. How many there are matters, what they are does not. */
export const uniform = (count: number, scale: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, () => (Math.random() - 0.5) * scale);

export const bits = (count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, () => (Math.random() < 0.5 ? 0 : 1));

/** Examples of the dataset that batches are taken from; all models share it. */
export const ROWS = 10_000;

export const indices = (count: number): Int32Array<ArrayBuffer> =>
  Int32Array.from({ length: count }, () => Math.floor(Math.random() * ROWS));
