/** The optimizers and learning-rate schedules, as the public `optim`. */

export { Adam, type AdamSettings, AdamW } from './adam.js';
export type { CommonSettings, OptimizerState, ParamGroup, ParamState } from './optimizer.js';
export { Optimizer } from './optimizer.js';
export {
  CosineAnnealingLR,
  LambdaLR,
  LinearLR,
  Schedule,
  type Scheduled,
  type ScheduleState,
  StepLR,
} from './schedules.js';
export { SGD, type SgdSettings } from './sgd.js';
