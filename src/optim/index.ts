/** The optimizers and learning-rate schedules, as the public `optim`. */

export { Adam, type AdamSettings, AdamW } from './adam.js';
export type { CommonSettings, OptimizerState, ParamGroup, ParamState, ParamUpdate } from './optimizer.js';
export { Optimizer } from './optimizer.js';
export {
  CosineAnnealingLR,
  type CosineAnnealingLrSettings,
  LambdaLR,
  type LambdaLrSettings,
  LinearLR,
  type LinearLrSettings,
  Schedule,
  type Scheduled,
  type ScheduleState,
  StepLR,
  type StepLrSettings,
} from './schedules.js';
export { SGD, type SgdSettings } from './sgd.js';
