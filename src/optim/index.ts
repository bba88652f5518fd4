/** The optimizers and learning-rate schedules, as the public `optim`. */

export { Adam, type AdamSettings, AdamW } from './adam.js';
export { OneCycleLR, type OneCycleLrSettings } from './one-cycle.js';
export type { CommonSettings, OptimizerState, ParamGroup, ParamState, ParamUpdate } from './optimizer.js';
export { Optimizer } from './optimizer.js';
export { type PlateauState, ReduceLROnPlateau, type ReduceLrOnPlateauSettings } from './plateau.js';
export { RMSprop, type RmspropSettings } from './rmsprop.js';
export {
  ConstantLR,
  type ConstantLrSettings,
  CosineAnnealingLR,
  type CosineAnnealingLrSettings,
  ExponentialLR,
  type ExponentialLrSettings,
  LambdaLR,
  type LambdaLrSettings,
  LinearLR,
  type LinearLrSettings,
  MultiStepLR,
  type MultiStepLrSettings,
  Schedule,
  type Scheduled,
  type ScheduleState,
  StepLR,
  type StepLrSettings,
} from './schedules.js';
export type { Setting } from './settings.js';
export { SGD, type SgdSettings } from './sgd.js';
export { SignSGD, type SignSgdSettings } from './sign-sgd.js';
