/** The layers `Linear` and `FusedMlp`, with PyTorch's defaults. */
import { fusedMlp, fusedMlpBce } from '../autograd/ops/fused-mlp.js';
import { linear } from '../autograd/ops/matmul.js';
import { checkDevice } from '../gpu/default-device.js';
import type { Device } from '../gpu/device.js';
import { checkBoolean, checkNumber } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import type { Generator } from '../random/generator.js';
import { generatorOr, upload } from '../tensor/create.js';
import { ndarray } from '../tensor/ndarray.js';
import type { Tensor } from '../tensor/tensor.js';
import { kaimingUniform_, linearParameters } from './host-init.js';
import { Module } from './module.js';

/** Options of layers with parameters. */
export interface LayerOptions {
  /** Default: the first device opened. */
  device?: Device;
  /** Draws the initial weights. Default: the program's, see {@link manualSeed}. */
  generator?: Generator;
}

/** Throws for extents that are not whole numbers, and for unknown or wrong options. @internal */
export function checkLayer(
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
      const weight = kaimingUniform_(ndarray(outFeatures, inFeatures), { a: Math.sqrt(5) }, generator);
      this.weight = upload(weight.data, weight.shape, 'f32', parameter);
      this.bias = null;
    }
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  /** What it is in a network in lockstep. @internal */
  get denseLayer(): { inputs: number; units: number; bias: boolean } {
    const [units, inputs] = this.weight.shape;
    return { inputs, units, bias: this.bias !== null };
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
