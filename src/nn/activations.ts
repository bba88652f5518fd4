/** The activations as modules. None has parameters. */
import {
  type GeluOptions,
  gelu,
  type LeakyReluOptions,
  leakyRelu,
  relu,
  sigmoid,
  silu,
  tanh,
} from '../autograd/ops/elementwise.js';
import { softmax } from '../autograd/ops/softmax.js';
import type { ActivationDescription } from '../network/activations.js';
import { checkNumber, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';

/** max(x, 0). */
export class ReLU extends Module {
  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  /** What it is in a network in lockstep. @internal */
  get denseActivation(): ActivationDescription {
    return 'relu';
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

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  /** What it is in a network in lockstep. @internal */
  get denseActivation(): ActivationDescription {
    return { type: 'leakyRelu', negativeSlope: this.negativeSlope };
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

  /** What it is in a network in lockstep. @internal */
  get denseActivation(): ActivationDescription {
    return 'sigmoid';
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

  /** What it is in a network in lockstep. @internal */
  get denseActivation(): ActivationDescription {
    return 'tanh';
  }

  override forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** x times the share of the normal distribution below it: {@link gelu}. Example: `new nn.GELU({ approximate: 'tanh' })`. */
export class GELU extends Module {
  /** `none`, or `tanh` for the approximation. */
  readonly approximate: 'none' | 'tanh';

  constructor(options: GeluOptions = {}) {
    super();
    checkOptionNames('GELU', options, ['approximate']);
    const { approximate = 'none' } = options;
    checkText('GELU', 'approximate', approximate, ['none', 'tanh']);
    this.approximate = approximate;
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  /** What it is in a network in lockstep. @internal */
  get denseActivation(): ActivationDescription {
    return this.approximate === 'tanh' ? 'geluTanh' : 'gelu';
  }

  override forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }
}

/** `x * sigmoid(x)`. */
export class SiLU extends Module {
  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  /** What it is in a network in lockstep. @internal */
  get denseActivation(): ActivationDescription {
    return 'silu';
  }

  override forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** Options of {@link Softmax}. */
export interface SoftmaxOptions {
  /** Default the last one. */
  axis?: number;
}

/** `exp(x) / sum(exp(x))` along an axis. Example: `new nn.Softmax({ axis: 1 })`. */
export class Softmax extends Module {
  /** Along which the sum is 1. */
  readonly axis: number;

  constructor(options: SoftmaxOptions = {}) {
    super();
    checkOptionNames('Softmax', options, ['axis']);
    const { axis = -1 } = options;
    checkNumber('Softmax', 'axis', axis, { whole: true });
    this.axis = axis;
  }

  /** @internal */
  protected get keepsNothing(): boolean {
    return true;
  }

  override forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
}
