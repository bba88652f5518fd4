/** Dropout: sets random elements to zero in training; does nothing in use. */
import { checkFloats } from '../autograd/ops/check.js';
import { mul } from '../autograd/ops/elementwise.js';
import { checkNumber } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import type { Generator } from '../random/generator.js';
import { checkGenerator } from '../random/generator.js';
import { generatorOr, upload } from '../tensor/create.js';
import { hideModels, modelsRunning } from '../tensor/over-models.js';
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { siblingsOf } from './siblings.js';

/** Options of {@link Dropout}. */
export interface DropoutOptions {
  /** The share of elements that become 0. Default 0.5. */
  p?: number;
  /** Draws the places. Default: the program's, see {@link manualSeed}. */
  generator?: Generator;
}

/**
 * In training (see {@link Module.train}) each element becomes 0 with probability p, and the others are multiplied by
 * `1 / (1 - p)`. After {@link Module.eval} the input is returned as it is (Srivastava et al. 2014). The host draws the zeros
 * anew for each call, as PyTorch's CPU generator does where PyTorch is built without Intel's MKL.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(64, 64), new nn.ReLU(), new nn.Dropout({ p: 0.1 }));
 * model.eval();
 */
export class Dropout extends Module {
  /** The share of elements that become 0. */
  readonly p: number;
  readonly #generator: Generator | undefined;

  constructor(options: DropoutOptions = {}) {
    super();
    checkOptionNames('Dropout', options, ['p', 'generator']);
    const { p = 0.5, generator } = options;
    checkNumber('Dropout', 'p', p, { min: 0, max: 1 });
    if (generator !== undefined) checkGenerator('Dropout', generator);
    this.p = p;
    this.#generator = generator;
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  override forward(x: Tensor): Tensor {
    const { p, training } = this;
    checkFloats('Dropout', [x]);
    if (!training || p === 0) return x;
    const dropouts = siblingsOf(this) as readonly Dropout[] | undefined;
    const models = dropouts ?? Array.from({ length: modelsRunning() ?? 1 }, () => this);
    return scope(() => {
      const factors = new Float32Array(models.length * x.numel);
      models.forEach((model, k) => {
        model.#draw(factors.subarray(k * x.numel, (k + 1) * x.numel));
      });
      const { device, shape } = x;
      if (modelsRunning() === undefined) return mul(x, upload(factors, shape, 'f32', { device }));
      return mul(x, hideModels(upload(factors, [models.length, ...shape], 'f32', { device })));
    });
  }

  /** Zeros, and the factor of what stays. */
  #draw(factors: Float32Array): void {
    if (this.p === 1) return;
    generatorOr('Dropout', this.#generator).bernoulli(factors, 1 - this.p);
    const scale = 1 / (1 - this.p);
    for (let i = 0; i < factors.length; i++) factors[i] *= scale;
  }
}
