/** The layers: parameters and a forward function each, with PyTorch's defaults. */
import { type LeakyReluOptions, leakyRelu, relu, sigmoid, tanh } from '../autograd/ops/elementwise.js';
import { fusedMlp, fusedMlpBce } from '../autograd/ops/fused-mlp.js';
import { linear } from '../autograd/ops/matmul.js';
import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { badArgument, checkBoolean, checkNumber } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import type { Generator } from '../random/generator.js';
import { generatorOr, upload } from '../tensor/create.js';
import { ndarray } from '../tensor/ndarray.js';
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

/** Throws for extents that are no whole numbers, and for options of other names or kinds. */
function checkLayer(
  name: string,
  extents: Readonly<Record<string, number>>,
  options: LayerOptions,
  others: readonly string[] = [],
): void {
  for (const [key, value] of Object.entries(extents)) checkNumber(name, key, value, { min: 0, whole: true });
  checkOptionNames(name, options, ['device', 'generator', ...others]);
  if (options.device !== undefined) checkDevice(name, options.device);
}

/**
 * `x [..., in] @ transpose(weight) + bias`, weight [out, in] and bias [out] drawn as `torch.nn.Linear` draws them:
 * U(-1 / sqrt(in), 1 / sqrt(in)), the weight first.
 *
 * @example
 * const layer = new nn.Linear(2, 32);
 * const y = layer(x); // [..., 32]
 */
export class Linear extends Module {
  readonly weight: Tensor;
  /** Null for layers without one. */
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: LayerOptions & { bias?: boolean } = {}) {
    super();
    checkLayer('Linear', { inFeatures, outFeatures }, options, ['bias']);
    const { device, bias = true } = options;
    checkBoolean('Linear', 'bias', bias);
    const generator = generatorOr('Linear', options.generator);
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

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
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
 * model.bceLoss(x, y).backward(); // or bceWithLogits(model(x), y)
 */
export class FusedMlp extends Module {
  readonly hidden: Linear;
  readonly output: Linear;

  constructor(inFeatures: number, hidden: number, options: LayerOptions = {}) {
    super();
    checkLayer('FusedMlp', { inFeatures, hidden }, options);
    const generator = generatorOr('FusedMlp', options.generator);
    this.hidden = new Linear(inFeatures, hidden, { ...options, generator });
    this.output = new Linear(hidden, 1, { ...options, generator });
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
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
  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

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
  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  override forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

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
    modules.forEach((module, i) => {
      if (typeof (module as Partial<Module> | null | undefined)?.forward === 'function') return;
      const fits =
        'modules fit, one after the other: new Sequential(a, b), of a list new Sequential(...list)';
      throw badArgument('Sequential', `the module ${i}`, module, fits);
    });
    this.#modules = modules;
    modules.forEach((module, i) => {
      this[i] = module;
    });
  }

  override get length(): number {
    return this.#modules.length;
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return this.#modules.every(keepsNothing);
  }

  override forward(x: Tensor): Tensor {
    let value = x;
    let ours = false;
    for (const module of this.#modules) {
      const keeps = !keepsNothing(module);
      let next: Tensor | undefined;
      try {
        next = module.forward(value);
      } finally {
        // What lies between two modules that keep nothing nobody holds: what the graph needs of it, it has saved.
        if (ours && !keeps && next !== value) value.dispose();
      }
      ours = !keeps && (ours || next !== value);
      value = next;
    }
    return value;
  }
}

/**
 * True where a module's forward function is one of this file's, which hold on to neither input nor result; a subclass
 * with a forward function of its own may.
 */
function keepsNothing(module: Module): boolean {
  let owner: object | null = module;
  while (owner && !Object.hasOwn(owner, 'forward')) owner = Object.getPrototypeOf(owner);
  return owner !== null && Object.hasOwn(owner, 'keepsNothing') && Reflect.get(owner, 'keepsNothing', module);
}
