/** Layers without a matrix product: LayerNorm, Embedding, Flatten. */
import { layerNorm } from '../autograd/ops/layer-norm.js';
import { indexSelect, reshape } from '../autograd/ops/shape.js';
import { checkBoolean, checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { checkTensor } from '../tensor/check-tensor.js';
import { generatorOr, ones, upload, zeros } from '../tensor/create.js';
import { checkShape, normalizeAxis, type Shape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkLayer, type LayerOptions } from './layers.js';
import { Module } from './module.js';

/** Options of {@link LayerNorm}. */
export interface LayerNormOptions extends Pick<LayerOptions, 'device'> {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Whether there are weights and a bias to learn. Default true. */
  elementwiseAffine?: boolean;
}

/**
 * Mean 0 and variance 1 over the last axes, times a weight, plus a bias (Ba et al. 2016): {@link layerNorm}. The weight
 * begins as ones, the bias as zeros.
 *
 * @example
 * const norm = new nn.LayerNorm(64); // over the last axis, of extent 64
 * const y = norm(x);
 */
export class LayerNorm extends Module {
  /** Null for layers without. */
  readonly weight: Tensor | null;
  /** Null for layers without. */
  readonly bias: Tensor | null;
  /** The extents of the axes that are normalized. */
  readonly normalizedShape: Shape;
  /** Added to the variance. */
  readonly eps: number;

  /**
   * A normalization over the last axes.
   *
   * @param normalizedShape Their extents; a number for one axis.
   */
  constructor(normalizedShape: number | Shape, options: LayerNormOptions = {}) {
    super();
    const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    checkShape('LayerNorm', shape);
    checkLayer('LayerNorm', {}, options, ['eps', 'elementwiseAffine']);
    const { device, eps = 1e-5, elementwiseAffine = true } = options;
    checkNumber('LayerNorm', 'eps', eps, { min: 0 });
    checkBoolean('LayerNorm', 'elementwiseAffine', elementwiseAffine);
    if (shape.length === 0) throw new LockstepError('bad-input', 'LayerNorm: normalizedShape has no axes.');
    this.normalizedShape = [...shape];
    this.eps = eps;
    this.weight = elementwiseAffine ? ones(shape, { device, requiresGrad: true }) : null;
    this.bias = elementwiseAffine ? zeros(shape, { device, requiresGrad: true }) : null;
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, eps } = this;
    return layerNorm(x, this.normalizedShape, {
      eps,
      ...(weight && { weight }),
      ...(bias && { bias }),
    });
  }
}

/**
 * A row of the weight [count, width] for each number: [..., width]. The weight is drawn as `torch.nn.Embedding` draws it:
 * normal, of mean 0 and variance 1.
 *
 * @example
 * const embedding = new nn.Embedding(1000, 64);
 * const x = embedding(tensor([[3, 14, 15]], { dtype: 'i32' })); // [1, 3, 64]
 */
export class Embedding extends Module {
  readonly weight: Tensor;

  constructor(count: number, width: number, options: LayerOptions = {}) {
    super();
    checkLayer('Embedding', { count, width }, options);
    const values = new Float32Array(count * width);
    generatorOr('Embedding', options.generator).normal(values);
    this.weight = upload(values, [count, width], 'f32', { device: options.device, requiresGrad: true });
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  /** @param indices i32 or u32 of any shape. */
  override forward(indices: Tensor): Tensor {
    checkTensor('Embedding', 'the argument', indices);
    const rows = indexSelect(this.weight, 0, reshape(indices, [-1]));
    return reshape(rows, [...indices.shape, this.weight.shape[1]]);
  }
}

/** Options of {@link Flatten}. */
export interface FlattenOptions {
  /** The first axis that is merged. Default 1: examples stay apart. */
  startAxis?: number;
  /** The last one. Default -1. */
  endAxis?: number;
}

/** Axes merged into one. Example: `new nn.Flatten()` makes [batch, 8, 8] to [batch, 64]. */
export class Flatten extends Module {
  /** The first axis that is merged. */
  readonly startAxis: number;
  /** The last one. */
  readonly endAxis: number;

  constructor(options: FlattenOptions = {}) {
    super();
    checkOptionNames('Flatten', options, ['startAxis', 'endAxis']);
    const { startAxis = 1, endAxis = -1 } = options;
    checkNumber('Flatten', 'startAxis', startAxis, { whole: true });
    checkNumber('Flatten', 'endAxis', endAxis, { whole: true });
    this.startAxis = startAxis;
    this.endAxis = endAxis;
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  override forward(x: Tensor): Tensor {
    checkTensor('Flatten', 'the argument', x);
    const { shape } = x;
    const first = normalizeAxis('Flatten', this.startAxis, shape.length);
    const last = normalizeAxis('Flatten', this.endAxis, shape.length);
    if (first > last) {
      throw new LockstepError(
        'bad-input',
        `Flatten: of ${showShape(shape)}, axis ${first} is the first and ${last} the last to be merged.`,
      );
    }
    const merged = shape.slice(first, last + 1).reduce((product, extent) => product * extent, 1);
    return reshape(x, [...shape.slice(0, first), merged, ...shape.slice(last + 1)]);
  }
}
