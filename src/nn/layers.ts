/** The layers: parameters and a forward function each, with PyTorch's defaults. */
import { type LeakyReluOptions, leakyRelu, relu, sigmoid, tanh } from '../autograd/ops/elementwise.js';
import { fusedMlp, fusedMlpBce } from '../autograd/ops/fused-mlp.js';
import { linear } from '../autograd/ops/matmul.js';
import type { Device } from '../gpu/device.js';
import { checkNumber } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import type { Generator } from '../random/generator.js';
import { generatorOr, upload } from '../tensor/create.js';
import { ndarray } from '../tensor/ndarray.js';
import { scope } from '../tensor/scope.js';
import { checkShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { kaimingUniform_, linearParameters } from './init.js';
import { Module } from './module.js';

/** Options of layers with parameters. */
export interface LayerOptions {
  /** Default: the first device opened. */
  device?: Device;
  /** Draws the initial weights. Default: the program's, see {@link manualSeed}. */
  generator?: Generator;
}

/**
 * `x [..., in] @ transpose(weight) + bias`, weight [out, in] and bias [out] drawn as `torch.nn.Linear` draws them:
 * U(-1 / sqrt(in), 1 / sqrt(in)), the weight first.
 *
 * @example
 * const layer = new nn.Linear(2, 32);
 * const y = layer.forward(x); // [..., 32]
 */
export class Linear extends Module {
  readonly weight: Tensor;
  /** Null for layers without one. */
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: LayerOptions & { bias?: boolean } = {}) {
    super();
    checkShape('Linear', [outFeatures, inFeatures]);
    const { device, bias = true } = options;
    const generator = generatorOr(options.generator);
    const parameter = { device, requiresGrad: true };
    if (bias) {
      const drawn = linearParameters(inFeatures, outFeatures, generator);
      this.weight = upload(drawn.weight.data, drawn.weight.shape, 'f32', parameter);
      this.bias = upload(drawn.bias.data, drawn.bias.shape, 'f32', parameter);
    } else {
      const weight = kaimingUniform_(ndarray(outFeatures, inFeatures), generator, { a: Math.sqrt(5) });
      this.weight = upload(weight.data, weight.shape, 'f32', parameter);
      this.bias = null;
    }
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias ?? undefined);
  }
}

/**
 * `Linear(in, hidden)`, `ReLU`, `Linear(hidden, 1)` in fused kernels: the network of {@link fusedMlp}, drawn as
 * PyTorch would draw the three layers. Its output is the logit.
 *
 * @example
 * const model = new nn.FusedMlp(32, 512);
 * model.bceLoss(x, y).backward(); // or bceWithLogits(model.forward(x), y)
 */
export class FusedMlp extends Module {
  readonly hidden: Linear;
  readonly output: Linear;

  constructor(inFeatures: number, hidden: number, options: LayerOptions = {}) {
    super();
    const generator = generatorOr(options.generator);
    this.hidden = new Linear(inFeatures, hidden, { ...options, generator });
    this.output = new Linear(hidden, 1, { ...options, generator });
  }

  /** Logits [batch, 1] of x, f32 [batch, in] or its bits as u32 [batch, ceil(in / 32)]. */
  override forward(x: Tensor): Tensor {
    return fusedMlp(x, ...this.#weights());
  }

  /** The mean binary cross-entropy of the outputs' sigmoid, fused with the rest; y is f32 [batch, 1] or [batch]. */
  bceLoss(x: Tensor, y: Tensor): Tensor {
    return fusedMlpBce(x, y, ...this.#weights());
  }

  #weights(): [Tensor, Tensor, Tensor, Tensor] {
    const { hidden, output } = this;
    return [hidden.weight, hidden.bias as Tensor, output.weight, output.bias as Tensor];
  }
}

/** max(x, 0). */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** x above 0, `negativeSlope * x` below. Example: `new nn.LeakyReLU({ negativeSlope: 0.2 })`. */
export class LeakyReLU extends Module {
  /** The slope below 0. */
  readonly negativeSlope: number;

  constructor(options: LeakyReluOptions = {}) {
    super();
    checkOptionNames('LeakyReLU', options, ['negativeSlope']);
    const { negativeSlope = 0.01 } = options;
    checkNumber('LeakyReLU', 'negativeSlope', negativeSlope);
    this.negativeSlope = negativeSlope;
  }

  override forward(x: Tensor): Tensor {
    return leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  override forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/**
 * Modules one after the other. Their parameters are named by their place: `0.weight`.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 32), new nn.Tanh(), new nn.Linear(32, 1), new nn.Sigmoid());
 */
export class Sequential extends Module {
  [index: number]: Module;
  readonly #modules: readonly Module[];

  constructor(...modules: Module[]) {
    super();
    this.#modules = modules;
    modules.forEach((module, i) => {
      this[i] = module;
    });
  }

  get length(): number {
    return this.#modules.length;
  }

  override forward(x: Tensor): Tensor {
    // The scope frees what lies between the modules where no graph needs it.
    return scope(() => this.#modules.reduce((input, module) => module.forward(input), x));
  }
}
