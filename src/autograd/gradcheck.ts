/**
 * Checks a backward pass against finite differences of the function, or of the same function in float64. It is for people
 * who write operations of their own, and for this library's tests.
 */
import { checkFunction, checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { checkTensor, checkTensorList } from '../tensor/check-tensor.js';
import { upload } from '../tensor/create.js';
import { outlive, scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { noGrad } from './record.js';

/** Options of {@link gradcheck}. */
export interface GradcheckOptions {
  /**
   * The function in float64, over the inputs' row-major elements. With it the differences are exact to many digits;
   * without it the function itself is differentiated, in float32, which shows only coarse errors.
   */
  rule?: (...inputs: Float64Array[]) => ArrayLike<number>;
  /** Half of the distance between the two points of a difference. Default 1e-4 with a rule, else 1e-2. */
  eps?: number;
  /** A gradient may be off by `atol + rtol * |expected|`. Default 1e-4 with a rule, else 2e-2. */
  atol?: number;
  /** Default 1e-4 with a rule, else 2e-2. */
  rtol?: number;
}

/** Weights of the result's elements, so that no two gradients cancel by symmetry. */
const weightOf = (i: number): number => Math.fround(0.5 + ((i * 7919) % 97) / 97);

/**
 * Throws unless the gradients of `fn` by each input that requires them agree with central differences.
 *
 * @param fn A function of tensors that returns one f32 tensor of any shape.
 * @param inputs f32 inputs; those with `requiresGrad` are checked. Their `grad` is left as it was.
 * @throws LockstepError `bad-input`, with the input, the element and both values, where they differ.
 * @example
 * const x = randn([3, 4], { requiresGrad: true });
 * await gradcheck((t) => tanh(t), [x]);
 */
export async function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<void> {
  checkFunction('gradcheck', 'the first argument', fn, '(x) => tanh(x)');
  checkTensorList('gradcheck', 'inputs', inputs);
  checkOptionNames('gradcheck', options, ['rule', 'eps', 'atol', 'rtol']);
  const { rule } = options;
  if (rule !== undefined) checkFunction('gradcheck', 'rule', rule, '([x]) => [x * x]');
  const { eps = rule ? 1e-4 : 1e-2, atol = rule ? 1e-4 : 2e-2, rtol = rule ? 1e-4 : 2e-2 } = options;
  for (const [name, value] of Object.entries({ eps, atol, rtol })) {
    checkNumber('gradcheck', name, value, { min: name === 'eps' ? Number.MIN_VALUE : 0 });
  }
  const values = await Promise.all(inputs.map(async (input) => Float64Array.from(await input.data())));
  const analytic = await gradientsOf(fn, inputs);
  const objective = rule ? objectiveOfRule(rule) : objectiveOfFunction(fn, inputs);
  for (const [i, gradient] of analytic.entries()) {
    if (!gradient) continue;
    for (let j = 0; j < gradient.length; j++) {
      const moved = async (by: number) => {
        const points = values.map((list) => list.slice());
        points[i][j] += by;
        return objective(points);
      };
      const expected = ((await moved(eps)) - (await moved(-eps))) / (2 * eps);
      if (!(Math.abs(gradient[j] - expected) <= atol + rtol * Math.abs(expected))) {
        throw new LockstepError(
          'bad-input',
          `gradcheck: the gradient by element ${j} of input ${i} ${showShape(inputs[i].shape)} is ${gradient[j]}; ` +
            `differences give ${expected} (allowed: ${atol} + ${rtol} of it).`,
        );
      }
    }
  }
}

/** The gradient of the weighted sum of the result, by each input that requires one. */
async function gradientsOf(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]) {
  const grads = scope(() => {
    const copies = inputs.map((input) => {
      const copy = input.detach();
      if (input.requiresGrad) copy.requiresGrad = true;
      return copy;
    });
    const result: unknown = fn(...copies);
    checkTensor('gradcheck', 'what the function gave', result);
    const weights = upload(
      Float32Array.from({ length: result.numel }, (_, i) => weightOf(i)),
      result.shape,
      'f32',
      {
        device: result.device,
      },
    );
    result.backward({ gradient: weights });
    return copies.map((copy) => copy.grad);
  });
  try {
    return await Promise.all(
      inputs.map(({ requiresGrad, numel }, i) =>
        requiresGrad ? (grads[i]?.data() ?? new Float32Array(numel)) : null,
      ),
    );
  } finally {
    for (const grad of grads) grad?.dispose();
  }
}

const weighted = (result: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < result.length; i++) sum += weightOf(i) * result[i];
  return sum;
};

function objectiveOfRule(rule: (...inputs: Float64Array[]) => ArrayLike<number>) {
  return async (points: Float64Array[]): Promise<number> => weighted(rule(...points));
}

function objectiveOfFunction(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]) {
  return async (points: Float64Array[]): Promise<number> => {
    const result = noGrad(() =>
      scope(() => {
        const moved = inputs.map(({ shape, dtype, device }, i) =>
          dtype === 'f32' ? upload(Float32Array.from(points[i]), shape, dtype, { device }) : inputs[i],
        );
        return fn(...moved);
      }),
    );
    outlive(result);
    try {
      return weighted(await result.data());
    } finally {
      result.dispose();
    }
  };
}
