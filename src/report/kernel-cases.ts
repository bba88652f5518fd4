/** What `profile kernels` runs: each kernel alone, at sizes that keep a GPU busy for a while. */
import * as ops from '../autograd/ops/index.js';
import type { Device } from '../gpu/device.js';
import { adamStep, sgdStep } from '../kernels/tensor/optimizer.js';
import type { LockstepOptions } from '../lockstep/types.js';
import { LockstepError } from '../platform/errors.js';
import { arange, rand } from '../tensor/create.js';
import { scope } from '../tensor/scope.js';
import { type Piece, type PieceOptions, train, trainingRuns } from './pieces.js';

const CALLS = 10;
/** Few steps, as several kernels for GPUs are slow on a CPU adapter. */
const TRAINING_STEPS = 4;
const MOST_RUNS = 8;
const VARIANTS: readonly LockstepOptions['kernel'][] = [
  'subgroup',
  'tiles-batched',
  'tiles-persistent',
  'portable',
];

/** One call of each tensor kernel; the tensors that it makes are freed by the caller's scope. */
function tensorCalls(device: Device): (() => unknown)[] {
  const random = (...shape: number[]) => rand(shape, { device });
  const [a, b, c] = [random(512, 512), random(512, 512), random(512, 512)];
  const [small, narrow, long] = [random(64, 40), random(40, 32), random(2 ** 20)];
  const square = long.view([512, 512], [512, 1]);
  const rows = arange(0, 512, 2, { device });
  const [w1, b1, w2, b2] = [random(512, 32), random(512), random(1, 512), random(1)];
  const network = [w1, b1, w2, b2];
  for (const parameter of network) parameter.requiresGrad = true;
  const [x, y] = [random(128, 32), random(128)];
  const adam = { lr: 1e-6, betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.01, step: 1 };
  const sgd = { lr: 1e-6, momentum: 0.9, dampening: 0, weightDecay: 0, first: false };
  return [
    () => ops.matmul(a, b),
    () => ops.matmul(small, narrow),
    () => ops.add(long, 1),
    () => ops.mul(long, long),
    () => ops.sigmoid(long),
    () => ops.sum(long),
    () => ops.sum(a, 1),
    () => ops.max(a, 1),
    () => ops.softmax(a),
    () => ops.indexSelect(a, 0, rows),
    () => {
      ops.mean(ops.fusedMlpBce(x, y, w1, b1, w2, b2)).backward();
      for (const parameter of network) parameter.grad = null;
    },
    () =>
      adamStep([{ ...adam, parameter: a, gradient: b, expAvg: c, expAvgSq: square }], { decoupled: true }),
    () => sgdStep([{ ...sgd, parameter: b, gradient: a, momentumBuffer: c }], { nesterov: false }),
  ];
}

/** Trains a few steps with each kernel that can run here. */
async function trainings(device: Device, options: PieceOptions, steps: number): Promise<void> {
  const { runs, features } = trainingRuns(options);
  for (const kernel of VARIANTS) {
    try {
      await train(device, runs, features, steps, kernel);
    } catch (error) {
      if (!(error instanceof LockstepError && error.code === 'unsupported')) throw error;
    }
  }
}

/** Every kernel alone: tensor operations, then each kernel that trains and scores. */
export function kernelsPiece(asked: PieceOptions): Piece {
  const options = { ...asked, runs: Math.min(MOST_RUNS, asked.runs) };
  let made: { device: Device; calls: (() => unknown)[] } | undefined;
  const callAll = async (device: Device, times: number, steps: number) => {
    if (made?.device !== device) made = { device, calls: tensorCalls(device) };
    for (const call of made.calls) {
      for (let k = 0; k < times; k++) scope(() => void call());
      await device.sync();
    }
    await trainings(device, options, steps);
  };
  return {
    title: `each kernel alone, ${CALLS} calls; training ${TRAINING_STEPS} steps of ${options.runs} runs, ${options.config}`,
    warmUp: (device) => callAll(device, 1, 1),
    run: (device) => callAll(device, CALLS, TRAINING_STEPS),
  };
}
