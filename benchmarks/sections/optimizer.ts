/**
 * A step of AdamW alone, over models of few and of many parameters: all parameters in as few launches as the device's
 * bindings allow, against one launch for each. Gradients stay the same; nothing else runs.
 */
import { ones, optim, randn, type Tensor } from 'lockstep-gpu';
import type { Context, Report, Section } from '../section.js';
import { fixed, ratio, spread } from '../statistics.js';
import { type StepTime, timeSteps } from '../step-time.js';

const COUNTS = [4, 16, 64];

/** Weights [64, 64] and biases [64] in turn, with gradients. */
function parametersOf(count: number): Tensor[] {
  return Array.from({ length: count }, (_, i) => {
    const parameter = randn(i % 2 === 0 ? [64, 64] : [64]);
    parameter.requiresGrad = true;
    parameter.grad = ones(parameter.shape);
    return parameter;
  });
}

async function run({ device, rounds, quick, say }: Context): Promise<Report> {
  const results: { parameters: number; together: StepTime[]; each: StepTime[] }[] = [];
  for (const count of COUNTS) {
    const one = new optim.AdamW(parametersOf(count));
    const several = parametersOf(count).map((parameter) => new optim.AdamW([parameter]));
    const result: (typeof results)[number] = { parameters: count, together: [], each: [] };
    const steps = quick ? 50 : 1000;
    for (let round = 1; round <= rounds; round++) {
      say(`${count} parameters, round ${round} of ${rounds}`);
      result.together.push(await timeSteps(device, steps, () => one.step()));
      result.each.push(
        await timeSteps(device, steps, () => {
          for (const optimizer of several) optimizer.step();
        }),
      );
    }
    results.push(result);
  }
  const bindings = device.limits.maxStorageBuffersPerShaderStage;
  const wall = (samples: StepTime[]) => samples.map((sample) => sample.wall);
  const processor = (samples: StepTime[]) => samples.map((sample) => sample.processor);
  return {
    samples: results,
    tables: [
      {
        title: 'AdamW: a step of all parameters',
        head: ['parameters', 'together ms', 'one by one ms', 'ratio', 'processor ms', 'ratio'],
        rows: results.map(({ parameters, together, each }) => [
          parameters,
          spread(wall(together), 3),
          spread(wall(each), 3),
          fixed(ratio(wall(each), wall(together)), 2),
          `${spread(processor(together), 3)} / ${spread(processor(each), 3)}`,
          fixed(ratio(processor(each), processor(together)), 2),
        ]),
        notes: [
          `Weights [64, 64] and biases [64] in turn. ${bindings} storage bindings a launch: two a parameter, one for ` +
            'all moments, and 15 parameters at most. The host’s clock over many steps, and processor time of all threads.',
        ],
      },
    ],
  };
}

export const optimizer: Section = { name: 'optimizer', title: 'Optimizer steps', run };
