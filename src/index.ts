/**
 * The public API of `lockstep-gpu`: re-exports only.
 */

export { type AdapterListing, listAdapters } from './adapter/dawn.js';
export { noAdapterMessage } from './adapter/no-adapter.js';
export { type OpenOptions, openDevice, subgroupMatrices } from './adapter/open.js';
export { defineOp, type OpDefinition } from './autograd/define-op.js';
export { type GradcheckOptions, gradcheck } from './autograd/gradcheck.js';
export type { BackwardRule } from './autograd/node.js';
export { copy_ } from './autograd/ops/in-place.js';
export * from './autograd/ops/index.js';
export { noGrad } from './autograd/record.js';
export { type VmapOptions, vmap } from './autograd/vmap.js';
export type { Cost } from './gpu/cost.js';
export { defaultDevice } from './gpu/default-device.js';
export { Device } from './gpu/device.js';
export type { DeviceInfo, MemoryUse } from './gpu/device-info.js';
export type { CompiledPipeline, PipelineDescriptor, ShaderOptions } from './gpu/pipelines.js';
export { BufferUsage } from './gpu/usage.js';
export type { WaitOptions } from './gpu/waits.js';
export { type Ceilings, measureCeilings } from './kernels/ceilings.js';
export { type KernelCall, runKernel } from './kernels/tensor/custom.js';
export type { Operand } from './kernels/tensor/elementwise.js';
export type { MatmulVariant } from './kernels/tensor/matmul.js';
export type { LockstepControl, PauseEvent } from './lockstep/control.js';
export type { NetworkInputs } from './lockstep/network/dataset.js';
export type { ProbedDistance, ProbedNorms } from './lockstep/network/probes.js';
export type {
  DescribedModel,
  NetworkCheckpoint,
  NetworkDataset,
  NetworkLockstepEvent,
  NetworkLockstepOptions,
  NetworkProbe,
  NetworkProbed,
  NetworkRun,
  NetworkRunSettings,
  NetworkSchedule,
  NetworkStopRule,
  ScheduledOptimizer,
  StepSchedule,
} from './lockstep/network/types.js';
export type { LostEvent, RecoveredEvent, RecoverOptions } from './lockstep/recovery-types.js';
export { trainLockstep } from './lockstep/train.js';
export type {
  AdamWSettings,
  FinishEvent,
  LockstepDataset,
  LockstepEvent,
  LockstepOptions,
  LockstepRun,
  MlpWeights,
  RunCheckpoint,
  RunControl,
  StopRule,
} from './lockstep/types.js';
export type { ActivationDescription, PlainActivation } from './network/activations.js';
export type { LossDescription, PlainLoss } from './network/losses.js';
export type {
  DescribedNetwork,
  HostStateDict,
  LayerDescription,
  NetworkDescription,
} from './network/network.js';
export type { OptimizerDescription } from './network/optimizers.js';
export type { Sampler } from './network/sampler.js';
export * as samplers from './network/samplers.js';
export { type BatchOptions, shuffledBatches } from './nn/batches.js';
export { type LinearParameters, linearParameters } from './nn/host-init.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export { type ErrorCode, LockstepError } from './platform/errors.js';
export type { HostKind, HostSpan } from './platform/host-spans.js';
export { type ChromeTrace, chromeTrace, type TraceEvent } from './profiler/chrome-trace.js';
export {
  type Accounts,
  accountsOf,
  type KernelSpan,
  type KernelTotal,
  kernelTotals,
  type Profile,
} from './profiler/profile.js';
export { type ProfileTools, takeProfile } from './profiler/take-profile.js';
export type { Timing } from './profiler/timer.js';
export { Generator } from './random/generator.js';
export { Mt19937 } from './random/mt19937.js';
export { type BinaryDataset, BitMatrix, BitVector } from './tensor/bits.js';
export {
  arange,
  copyToBuffer,
  eye,
  fromBuffer,
  full,
  manualSeed,
  ones,
  rand,
  randint,
  randn,
  randperm,
  tensor,
  zeros,
} from './tensor/create.js';
export type { DType, HostArray } from './tensor/dtype.js';
export type { TypedArray } from './tensor/host-values.js';
export { type NdArray, ndarray } from './tensor/ndarray.js';
export type { RandomOptions, TensorOptions } from './tensor/options.js';
export {
  type Bits,
  type Examples,
  type Labels,
  type PackOptions,
  packMatrix,
  packVector,
} from './tensor/pack-bits.js';
export { parity } from './tensor/parity.js';
export { scope } from './tensor/scope.js';
export type { Shape } from './tensor/shape.js';
export type { NestedArray } from './tensor/strided-values.js';
export { type BackwardOptions, setDebug, Tensor } from './tensor/tensor.js';
