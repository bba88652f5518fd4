/**
 * One step of an optimizer, by the number that src/network/optimizers.ts gives it, computed in the order of `torch.optim`. It
 * reads and writes the run's memory. Functions only.
 */
import { wgsl } from '../wgsl.js';

export const optimizerFunctions = wgsl`
/** Changes four parameters, which begin at the offset in the run's memory, and their moments. */
fn optimize(p: Position, step: Step, offset: u32, gradient: vec4f) {
  let at = (p.memory + offset) >> 2u;
  let w = memory[at];
  let start = w * step.shrink;
  let firstAt = (p.memory + offset + p.firstMoments) >> 2u;
  if (p.optimizer <= 1u) {
    let secondAt = (p.memory + offset + p.secondMoments) >> 2u;
    var g = gradient;
    if (p.optimizer == 1u) { g += p.weightDecay * w; }
    let m = step.beta1 * memory[firstAt] + step.gradientShare * g;
    let v = p.beta2 * memory[secondAt] + p.oneMinusBeta2 * g * g;
    memory[firstAt] = m;
    memory[secondAt] = v;
    memory[at] = start - step.stepSize * m / (sqrt(v) * step.invRootCorrection2 + p.eps);
    return;
  }
  let isSign = p.optimizer == 3u;
  let g = select(gradient + p.weightDecay * w, gradient, isSign);
  var direction = g;
  if (p.firstMoments != none) {
    let mixed = step.beta1 * memory[firstAt] + step.gradientShare * g;
    let m = select(mixed, g, step.isFirst != 0u && !isSign);
    memory[firstAt] = m;
    direction = select(m, g + step.beta1 * m, p.nesterov != 0u);
  }
  if (isSign) { direction = signsOf(direction); }
  memory[at] = start - step.stepSize * direction;
}

/** The signs; 0 for NaN, as in PyTorch. */
fn signsOf(x: vec4f) -> vec4f {
  return select(vec4f(), vec4f(1.0), x > vec4f()) - select(vec4f(), vec4f(1.0), x < vec4f());
}
`;
