/** The weights of the network that the training kernels train, and their plainest layout. */

/** Weights of `Linear(N, W) -> ReLU -> Linear(W, 1) -> Sigmoid`, float32, row-major as PyTorch lays them out. */
export interface MlpWeights {
  /** Hidden weight, [W, N]. */
  w1: Float32Array;
  /** Hidden bias, [W]. */
  b1: Float32Array;
  /** Output weight, [1, W]. */
  w2: Float32Array;
  /** Output bias, [1]. */
  b2: Float32Array;
}

/** Writes w1, b1, w2 and b2 behind one another into `into`. */
export function packInOrder({ w1, b1, w2, b2 }: MlpWeights, into: Float32Array): void {
  let at = 0;
  for (const array of [w1, b1, w2, b2]) {
    into.set(array, at);
    at += array.length;
  }
}
