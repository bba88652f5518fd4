// The optimizers' rule for one parameter in float64, by properties that a wrong order of operations breaks. PyTorch's own
// steps are the fixture of test/lockstep/network/torch.test.ts.
import { describe, expect, it } from 'vitest';
import {
  momentsOf,
  type OptimizerDescription,
  optimizerOf,
  type Parameter,
  stepNumbers,
  update,
} from '../../src/network/optimizers.js';
import fc from '../properties.js';

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const gradients = fc.array(number(-3, 3), { minLength: 1, maxLength: 8 });
/** Away from 0 by more than the roundings of what is compared. */
const start = number(-2, 2).filter((value) => Math.abs(value) > 1e-3);

/** The values after each step with these gradients. */
function path(description: OptimizerDescription, value: number, list: readonly number[]): number[] {
  const settings = optimizerOf('run 0', description);
  let parameter: Parameter = { value, first: 0, second: 0 };
  return list.map((gradient, k) => {
    parameter = update(parameter, gradient, settings, stepNumbers(settings, settings.lr, k + 1), k === 0);
    return parameter.value;
  });
}

const close = (a: number, b: number, tolerance = 1e-12) =>
  expect(Math.abs(a - b)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(a)));

describe('adam and adamw', () => {
  it('take a first step of lr against the gradient, whatever its size', () => {
    fc.assert(
      fc.property(start, number(1e-3, 3), fc.boolean(), (value, size, negative) => {
        const gradient = negative ? -size : size;
        const [after] = path({ type: 'adam', lr: 0.1, eps: 0 }, value, [gradient]);
        close(after, value - 0.1 * Math.sign(gradient), 1e-9);
      }),
    );
  });

  it('without decay do the same', () => {
    fc.assert(
      fc.property(start, gradients, (value, list) => {
        const settings = { lr: 0.05, betas: [0.7, 0.9], weightDecay: 0 } as const;
        expect(path({ type: 'adamw', ...settings }, value, list)).toEqual(
          path({ type: 'adam', ...settings }, value, list),
        );
      }),
    );
  });

  it('decay apart from the moments, and in them', () => {
    fc.assert(
      fc.property(start, gradients, (value, list) => {
        // Without a gradient, adamw only shrinks; adam sees the decay as a gradient.
        const still = list.map(() => 0);
        path({ type: 'adamw', lr: 0.1, weightDecay: 0.2 }, value, still).forEach((after, k) => {
          close(after, value * (1 - 0.1 * 0.2) ** (k + 1));
        });
        const [coupled] = path({ type: 'adam', lr: 0.1, weightDecay: 0.2, eps: 0 }, value, [0]);
        close(coupled, value - 0.1 * Math.sign(value), 1e-9);
      }),
    );
  });

  it('have moments that are means: of a gradient that stays, the gradient', () => {
    const settings = optimizerOf('run 0', { betas: [0.9, 0.99] });
    let parameter: Parameter = { value: 1, first: 0, second: 0 };
    for (let t = 1; t <= 2000; t++)
      parameter = update(parameter, 0.5, settings, stepNumbers(settings, 0, t), t === 1);
    close(parameter.first, 0.5, 1e-8);
    close(parameter.second, 0.25, 1e-8);
    expect(parameter.value).toBe(1);
  });
});

describe('sgd', () => {
  it('without momentum goes down the gradient and the decay', () => {
    fc.assert(
      fc.property(start, gradients, (value, list) => {
        let expected = value;
        path({ type: 'sgd', lr: 0.1, weightDecay: 0.3 }, value, list).forEach((after, k) => {
          expected -= 0.1 * (list[k] + 0.3 * expected);
          close(after, expected);
        });
      }),
    );
  });

  it('with momentum adds up all gradients so far, dampened from the second on', () => {
    fc.assert(
      fc.property(start, gradients, number(0.1, 0.95), number(0, 1), (value, list, momentum, dampening) => {
        let expected = value;
        path({ type: 'sgd', lr: 0.1, momentum, dampening }, value, list).forEach((after, t) => {
          const sum = list
            .slice(0, t + 1)
            .reduce((total, g, k) => total + momentum ** (t - k) * (k === 0 ? 1 : 1 - dampening) * g, 0);
          expected -= 0.1 * sum;
          close(after, expected, 1e-10);
        });
      }),
    );
  });

  it('with nesterov looks a step of momentum ahead', () => {
    fc.assert(
      fc.property(start, number(-3, 3), (value, gradient) => {
        const [plain, more] = [false, true].map(
          (nesterov) => path({ type: 'sgd', lr: 0.1, momentum: 0.9, nesterov }, value, [gradient])[0],
        );
        close(plain, value - 0.1 * gradient);
        close(more, value - 0.1 * (gradient + 0.9 * gradient));
      }),
    );
  });
});

describe('signSgd', () => {
  it('moves by lr whatever the gradient’s size, and shrinks apart from it', () => {
    fc.assert(
      fc.property(start, gradients, (value, list) => {
        let expected = value;
        path({ type: 'signSgd', lr: 0.01, weightDecay: 0.5 }, value, list).forEach((after, k) => {
          expected = expected * (1 - 0.01 * 0.5) - 0.01 * Math.sign(list[k]);
          close(after, expected);
        });
      }),
    );
  });

  it('with momentum takes the sign of the mean, which one gradient does not turn', () => {
    const steps = path({ type: 'signSgd', lr: 1, momentum: 0.9 }, 0, [1, 1, -0.5, 1]);
    expect(steps).toEqual([-1, -2, -3, -4]);
  });
});

it('keep as many moments as they use', () => {
  const moments = (description: OptimizerDescription) => momentsOf(optimizerOf('run 0', description));
  expect(moments({})).toBe(2);
  expect(moments({ type: 'adam', betas: [0, 0] })).toBe(2);
  expect(moments({ type: 'sgd' })).toBe(0);
  expect(moments({ type: 'sgd', momentum: 0.1 })).toBe(1);
  expect(moments({ type: 'signSgd' })).toBe(0);
  expect(moments({ type: 'signSgd', momentum: 0.1 })).toBe(1);
});
