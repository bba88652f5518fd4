/**
 * Launches the fused two-layer network (shaders/tensor/fused-mlp.wgsl.ts). Callers check the shapes; all tensors are
 * dense from the first element of their memory.
 */

import { TILE_THREADS } from '../../../shaders/shared/tile.wgsl.js';
import {
  FUSED_TILE,
  FUSED_WORKGROUP,
  fusedFinishShader,
  fusedGradientsShader,
  fusedHiddenShader,
  fusedInputGradientShader,
  fusedOutputsShader,
} from '../../../shaders/tensor/fused-mlp.wgsl.js';
import { Tensor } from '../../tensor/tensor.js';
import { gridOf, tileGrid } from '../grid.js';
import { copyDense } from './elementwise.js';
import { launch, Words } from './launch.js';

/**
 * Loss and gradient of a sample: 9 operations for the probability and its distance from 1, 2 logarithms, 9 to join
 * them, 7 for the gradient.
 */
const LOSS_FLOPS = 27;

/**
 * x [batch, features] as f32, or packed bits as u32 [batch, words]; w1 [hidden, features], b1 [hidden], w2 [1,
 * hidden], b2 [1].
 */
export interface FusedMlpInputs {
  x: Tensor;
  w1: Tensor;
  b1: Tensor;
  w2: Tensor;
  b2: Tensor;
}

interface Sizes {
  batch: number;
  features: number;
  hidden: number;
  hiddenTiles: number;
  featureTiles: number;
  sampleTiles: number;
  packed: boolean;
  params: Uint32Array;
}

function sizesOf({ x, w1 }: FusedMlpInputs): Sizes {
  const [batch, words] = x.shape;
  const [hidden, features] = w1.shape;
  const hiddenTiles = Math.ceil(hidden / FUSED_TILE);
  const featureTiles = Math.ceil(features / FUSED_TILE);
  const sampleTiles = Math.ceil(batch / FUSED_TILE);
  const tiles = [hiddenTiles, featureTiles, sampleTiles] as const;
  const params = new Words().u32(batch, features, hidden, words, ...tiles, 0).done();
  return {
    ...{ batch, features, hidden, hiddenTiles, featureTiles, sampleTiles },
    packed: x.dtype === 'u32',
    params,
  };
}

/** The tensor, dense from the first element of its memory: another handle on it if it lies so, else a copy. */
export const fromStart = (tensor: Tensor): Tensor =>
  tensor.contiguous && tensor.offset === 0 ? tensor.detach() : copyDense(tensor);

/** What the backward pass needs besides the inputs. */
interface FusedForward {
  /** Logits [batch, 1]; with targets the losses [batch]. */
  result: Tensor;
  /** Which hidden units were active, a bit each: u32 [batch, tiles]. */
  active: Tensor;
  /** With targets: the gradient of the mean loss by the logits, [batch]. */
  dz: Tensor | null;
}

/**
 * Computes the logits; with targets [batch] or [batch, 1], the binary cross-entropies and the gradient of their mean.
 */
export function fusedForward(inputs: FusedMlpInputs, targets?: Tensor): FusedForward {
  const { x, w1, b1, w2, b2 } = inputs;
  const { batch, features, hidden, hiddenTiles, sampleTiles, packed, params } = sizesOf(inputs);
  const { device } = w1;
  const partial = Tensor.empty(device, [batch, hiddenTiles], 'f32');
  const active = Tensor.empty(device, [batch, hiddenTiles], 'u32');
  const { grid, counted } = tileGrid(hiddenTiles, sampleTiles);
  launch({
    label: 'fused mlp hidden',
    key: `fused hidden|${packed}|${counted}`,
    code: () => fusedHiddenShader({ packed, counted }),
    tensors: [x, w1, b1, w2, partial, active],
    params,
    grid,
    options: { packed, counted },
    // The product; bias, relu, product, sum and sign of each unit; the tile's sums.
    flops: () => batch * (hidden * (2 * features + 5) + hiddenTiles * TILE_THREADS),
  });
  const bce = targets !== undefined;
  const result = Tensor.empty(device, bce ? [batch] : [batch, 1], 'f32');
  const dz = bce ? Tensor.empty(device, [batch], 'f32') : null;
  launch({
    label: 'fused mlp outputs',
    key: `fused outputs|${bce}`,
    code: () => fusedOutputsShader({ bce }),
    tensors: targets && dz ? [partial, b2, targets, result, dz] : [partial, b2, result],
    params,
    grid: gridOf(Math.ceil(batch / FUSED_WORKGROUP)),
    options: { bce },
    flops: () => batch * (hiddenTiles + (bce ? LOSS_FLOPS : 0)),
  });
  partial.dispose();
  return { result, active, dz };
}

/** The gradients by w1, b1, w2 and b2. `dz`: the gradient by the logits, [batch]. */
export function fusedGradients(
  inputs: FusedMlpInputs,
  active: Tensor,
  dz: Tensor,
): { w1: Tensor; b1: Tensor; w2: Tensor; b2: Tensor } {
  const { x, w1, b1, w2, b2 } = inputs;
  const { batch, features, hidden, hiddenTiles, featureTiles, packed, params } = sizesOf(inputs);
  const made = [w1, b1, w2, b2].map(({ device, shape }) => Tensor.empty(device, shape, 'f32'));
  const [dw1, db1, dw2, db2] = made;
  const parts = Tensor.empty(w1.device, [hidden * (featureTiles + 1)], 'f32');
  const { grid, counted } = tileGrid(featureTiles, hiddenTiles);
  launch({
    label: 'fused mlp gradients',
    key: `fused gradients|${packed}|${counted}`,
    code: () => fusedGradientsShader({ packed, counted }),
    tensors: [x, w1, b1, w2, dz, active, dw1, parts],
    params,
    grid,
    options: { packed, counted },
    // The product and its row sums; two products and a sum for each weight and bias; the tiles' sums.
    flops: () => hidden * (batch * (2 * features + 1) + 3 * (features + 1) + featureTiles * TILE_THREADS),
  });
  launch({
    label: 'fused mlp finish',
    key: 'fused finish',
    code: fusedFinishShader,
    tensors: [parts, dz, db1, dw2, db2],
    params,
    grid: gridOf(Math.ceil((hidden + 1) / FUSED_WORKGROUP)),
    flops: () => hidden * featureTiles + batch,
  });
  parts.dispose();
  return { w1: dw1, b1: db1, w2: dw2, b2: db2 };
}

/** The gradient by x, f32 [batch, features]. */
export function fusedInputGradient(inputs: FusedMlpInputs, active: Tensor, dz: Tensor): Tensor {
  const { w1, w2 } = inputs;
  const { batch, features, hidden, featureTiles, sampleTiles, params } = sizesOf(inputs);
  const dx = Tensor.empty(w1.device, [batch, features], 'f32');
  const { grid, counted } = tileGrid(featureTiles, sampleTiles);
  launch({
    label: 'fused mlp input gradient',
    key: `fused input gradient|${counted}`,
    code: () => fusedInputGradientShader({ counted }),
    tensors: [w1, w2, dz, active, dx],
    params,
    grid,
    options: { counted },
    flops: () => batch * hidden * (2 * features + 1),
  });
  return dx;
}
