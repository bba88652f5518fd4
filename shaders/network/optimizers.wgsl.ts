/**
 * One step of one parameter by the optimizer's number, as src/network/optimizers.ts lists them, in the order in which
 * `torch.optim` computes it. Reads and writes the run's memory; functions only.
 */
import { wgsl } from '../wgsl.js';

export const optimizerFunctions = wgsl`
/** Steps the parameter that lies at the offset among the run's parameters. */
fn optimize(p: Position, step: Step, offset: u32, gradient: f32) {
  let at = p.memory + offset;
  let w = memory[at];
  let start = w * step.shrink;
  if (p.optimizer <= 1u) {
    let g = select(gradient, gradient + p.weightDecay * w, p.optimizer == 1u);
    let m = p.beta1 * memory[at + p.firstMoments] + p.gradientShare * g;
    let v = p.beta2 * memory[at + p.secondMoments] + p.oneMinusBeta2 * g * g;
    memory[at + p.firstMoments] = m;
    memory[at + p.secondMoments] = v;
    memory[at] = start - step.stepSize * m / (sqrt(v) * step.invRootCorrection2 + p.eps);
    return;
  }
  let isSign = p.optimizer == 3u;
  let g = select(gradient + p.weightDecay * w, gradient, isSign);
  if (p.firstMoments == none) {
    memory[at] = start - step.stepSize * select(g, signOf(g), isSign);
    return;
  }
  let mixed = p.beta1 * memory[at + p.firstMoments] + p.gradientShare * g;
  let m = select(mixed, g, step.isFirst != 0u && !isSign);
  memory[at + p.firstMoments] = m;
  let direction = select(select(m, g + p.beta1 * m, p.nesterov != 0u), signOf(m), isSign);
  memory[at] = start - step.stepSize * direction;
}
`;
