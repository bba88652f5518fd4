/**
 * The activations of a network in lockstep: how each is described, its number on the device, and its rule and
 * derivative in float64. The same functions in WGSL are in shaders/network/activations.wgsl.ts.
 */
import { badArgument, checkNumber, checkText } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { erf } from './erf.js';

/** Activations that take no number. `gelu` is the exact one, by erf. */
export type PlainActivation =
  | 'identity'
  | 'relu'
  | 'leakyRelu'
  | 'tanh'
  | 'sigmoid'
  | 'gelu'
  | 'geluTanh'
  | 'silu'
  | 'softplus';

/** What follows a layer: a name, or a name with its number. Their meaning is that of `torch.nn`. */
export type ActivationDescription =
  | PlainActivation
  /** `x` above 0, `negativeSlope * x` below; default 0.01. */
  | { type: 'leakyRelu'; negativeSlope?: number }
  /** `x` to the power of `exponent`, a whole number from 1 to 8. */
  | { type: 'power'; exponent: number };

/** An activation as it is computed. */
export interface Activation {
  readonly type: PlainActivation | 'power';
  /** Slope of `leakyRelu`, exponent of `power`, else 0. */
  readonly parameter: number;
}

interface Rule {
  /** Its number in WGSL. */
  readonly code: number;
  /** Whether the derivative is a function of the input; else it is one of the output. */
  readonly keepsInput: boolean;
  value(x: number, parameter: number): number;
  /** The derivative by x; y is the value at x. */
  derivative(x: number, y: number, parameter: number): number;
}

const logistic = (x: number): number => {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
};

/** sqrt(2 / pi) and the cubic term's factor: Hendrycks and Gimpel 2016, as `F.gelu(x, approximate='tanh')`. */
const GELU = { scale: Math.sqrt(2 / Math.PI), cubic: 0.044715 };

export const ACTIVATIONS: Readonly<Record<Activation['type'], Rule>> = {
  identity: { code: 0, keepsInput: false, value: (x) => x, derivative: () => 1 },
  relu: {
    code: 1,
    keepsInput: false,
    value: (x) => (x < 0 ? 0 : x),
    derivative: (_, y) => (y > 0 ? 1 : 0),
  },
  leakyRelu: {
    code: 2,
    keepsInput: true,
    value: (x, slope) => (x > 0 ? x : x * slope),
    derivative: (x, _, slope) => (x > 0 ? 1 : slope),
  },
  tanh: { code: 3, keepsInput: false, value: Math.tanh, derivative: (_, y) => 1 - y * y },
  sigmoid: { code: 4, keepsInput: false, value: logistic, derivative: (_, y) => y * (1 - y) },
  gelu: {
    code: 5,
    keepsInput: true,
    value: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
    derivative: (x) => (1 + erf(x / Math.SQRT2)) / 2 + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  },
  geluTanh: {
    code: 6,
    keepsInput: true,
    value: (x) => (x * (1 + Math.tanh(GELU.scale * (x + GELU.cubic * x ** 3)))) / 2,
    derivative(x) {
      const t = Math.tanh(GELU.scale * (x + GELU.cubic * x ** 3));
      return (1 + t) / 2 + (x * (1 - t * t) * GELU.scale * (1 + 3 * GELU.cubic * x * x)) / 2;
    },
  },
  silu: {
    code: 7,
    keepsInput: true,
    value: (x) => x * logistic(x),
    derivative(x) {
      const s = logistic(x);
      return s * (1 + x * (1 - s));
    },
  },
  softplus: {
    code: 8,
    keepsInput: true,
    value: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    derivative: logistic,
  },
  power: {
    code: 9,
    keepsInput: true,
    value: (x, exponent) => x ** exponent,
    derivative: (x, _, exponent) => exponent * x ** (exponent - 1),
  },
};

const PLAIN = Object.keys(ACTIVATIONS).filter((name) => name !== 'power');

/**
 * The activation that a description means.
 *
 * @param where The layer that has it; the error begins with it.
 * @throws LockstepError `bad-input` for an unknown name, and for a slope or an exponent that does not fit.
 * @example activationOf('layer 0', { type: 'leakyRelu', negativeSlope: 0.2 }); // { type: 'leakyRelu', parameter: 0.2 }
 */
export function activationOf(where: string, description: ActivationDescription | undefined): Activation {
  if (description === undefined) return { type: 'identity', parameter: 0 };
  if (typeof description !== 'object') {
    checkText(where, 'the activation', description, PLAIN);
    return { type: description, parameter: description === 'leakyRelu' ? 0.01 : 0 };
  }
  const type = (description as { type?: unknown } | null)?.type;
  if (type === 'leakyRelu') {
    checkOptionNames(`${where}: leakyRelu`, description, ['type', 'negativeSlope']);
    const { negativeSlope = 0.01 } = description as { negativeSlope?: number };
    checkNumber(`${where}: leakyRelu`, 'negativeSlope', negativeSlope);
    return { type, parameter: negativeSlope };
  }
  if (type === 'power') {
    checkOptionNames(`${where}: power`, description, ['type', 'exponent']);
    const { exponent } = description as { exponent: number };
    checkNumber(`${where}: power`, 'exponent', exponent, { min: 1, max: 8, whole: true });
    return { type, parameter: exponent };
  }
  if (type !== undefined && PLAIN.includes(type as string)) {
    checkOptionNames(`${where}: ${type}`, description, ['type']);
    return { type: type as PlainActivation, parameter: 0 };
  }
  const fits = `give one of ${PLAIN.join(', ')}, or { type: 'power', exponent: 2 }`;
  throw badArgument(where, 'the activation', type ?? description, fits);
}
