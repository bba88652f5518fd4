/** The weights of the network that the training kernels train, and how they are written into a kernel's state. */

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

/**
 * Writes weights into an empty state.
 *
 * @param places For each parameter its index in the state: the parameters of w1 first, then those of b1, w2 and b2.
 */
export function writeWeights(
  { w1, b1, w2, b2 }: MlpWeights,
  places: Uint32Array,
  state: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  let at = 0;
  for (const array of [w1, b1, w2, b2]) for (let k = 0; k < array.length; k++) state[places[at++]] = array[k];
  return state;
}

/** These places, for a state in which b1, w2 and b2 are contiguous vectors that begin at the given indices. */
export function placesOf(
  { features, hidden }: { features: number; hidden: number },
  w1: (unit: number, feature: number) => number,
  [b1, w2, b2]: readonly [b1: number, w2: number, b2: number],
): Uint32Array {
  const places = new Uint32Array(hidden * features + 2 * hidden + 1);
  let at = 0;
  for (let h = 0; h < hidden; h++) for (let i = 0; i < features; i++) places[at++] = w1(h, i);
  for (const first of [b1, w2]) for (let h = 0; h < hidden; h++) places[at++] = first + h;
  places[at] = b2;
  return places;
}
