/** The weights of the network that the training kernels train. A type only. */

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
