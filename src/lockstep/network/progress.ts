/**
 * The host's side of one run while it trains: its place on the device, its order of examples, its learning rates. It knows when the
 * next decision is due. The trainer passes it the results of the device; scores.ts says how good they are.
 */
import { STREAMS } from '../../../shaders/network/samplers.wgsl.js';
import { LOSSES } from '../../network/losses.js';
import {
  OPTIMIZERS,
  type OptimizerDescription,
  type OptimizerSettings,
  optimizerOf,
  stepNumbers,
  withMomentum,
} from '../../network/optimizers.js';
import { DrawnBatches } from '../batches/drawn.js';
import { examplesOf, nextClose } from '../windows.js';
import type { AcceptedNetworkRun } from './accept.js';
import { kindOf } from './accept-checkpoint.js';
import type { PlacedDataset } from './data-places.js';
import { countedIn } from './dataset.js';
import { probesAnything } from './probes.js';
import type { RunPlace } from './run-places.js';
import { RunSchedule } from './run-schedule.js';
import { type Means, RunScores } from './scores.js';
import type { StepTable } from './step-table.js';
import type { NetworkCheckpoint } from './types.js';

/** After how many steps windows close, and runs pause. */
interface Cadence {
  logInterval: number;
  pauseEvery: number;
}

export class NetworkProgress implements RunPlace {
  readonly index: number;
  readonly run: AcceptedNetworkRun;
  readonly program: RunPlace['program'];
  readonly memory: RunPlace['memory'];
  readonly data: RunPlace['data'];
  readonly kernel: RunPlace['kernel'];
  readonly sections: RunPlace['sections'];
  readonly initial: RunPlace['initial'];
  readonly gradient: RunPlace['gradient'];
  readonly best: RunPlace['best'];
  readonly bytes: RunPlace['bytes'];
  readonly scores: RunScores;
  /** The optimizer's settings as they are now. */
  optimizer: OptimizerSettings;
  /** The same as the caller described them. */
  described: OptimizerDescription;
  /** How many steps the optimizer's moments have seen: the run's own, or those of the run that it was forked from. */
  optimizerSteps = 0;
  /** Whether a decision has stopped the run. */
  isStopped = false;
  readonly #logInterval: number;
  readonly #pauseEvery: number;
  /** The order of the dataset's examples; undefined for a sampler. */
  readonly #batches: DrawnBatches | undefined;
  readonly #schedule: RunSchedule;
  #done = 0;
  /** Whether a decision in a pause changed the optimizer that the options gave. */
  #changed = false;
  constructor(index: number, run: AcceptedNetworkRun, place: RunPlace, { logInterval, pauseEvery }: Cadence) {
    this.index = index;
    this.run = run;
    const { program, memory, data, kernel, sections, initial, gradient, best, bytes } = place;
    this.program = program;
    this.memory = memory;
    this.data = data;
    this.kernel = kernel;
    this.sections = sections;
    this.initial = initial;
    this.gradient = gradient;
    this.best = best;
    this.bytes = bytes;
    this.scores = new RunScores(run);
    this.optimizer = run.optimizer;
    this.described = run.described;
    this.#logInterval = logInterval;
    this.#pauseEvery = pauseEvery;
    const { batchSize, orderSeed, checkpoint, schedule, optimizer } = run;
    const skip = checkpoint?.steps ?? 0;
    const { examples, sampler } = data.data;
    const plan = { examples, seed: orderSeed, batchSize, pitch: batchSize, skip };
    if (sampler === undefined) this.#batches = new DrawnBatches(plan);
    this.#schedule = new RunSchedule(index, optimizer, schedule);
    if (!checkpoint) return;
    for (let s = 0; s < skip; s++) this.#schedule.step();
    this.#done = skip;
    this.optimizerSteps = skip;
    const { control } = checkpoint;
    if (!control) return;
    this.isStopped = control.stopped ?? false;
    this.optimizerSteps = control.optimizerSteps;
    this.described = control.optimizer;
    this.change(optimizerOf(`trainLockstep: run ${index}: checkpoint`, control.optimizer));
  }

  /** Goes on with these settings of the optimizer. */
  change(optimizer: OptimizerSettings): void {
    this.optimizer = optimizer;
    this.#schedule.change(optimizer);
    this.#changed = true;
  }

  /** Goes on with the moments of another run, which have seen this many steps. */
  forked(optimizerSteps: number): void {
    this.optimizerSteps = optimizerSteps;
    this.#changed = true;
  }

  get isScheduled(): boolean {
    return this.#schedule.isGiven;
  }

  /** Whether the schedule has set momentum, or the first of the betas. */
  get schedulesMomentum(): boolean {
    return this.#schedule.setsMomentum;
  }

  get done(): number {
    return this.#done;
  }

  /** Steps until the next decision (stop, evaluation, pause, end): a chunk must not go beyond it. */
  get stepsAhead(): number {
    const { maxSteps, stop, evaluation } = this.run;
    let end = maxSteps;
    const watchesWindows = (stop && !('patience' in stop)) || probesAnything(this.run.probes);
    if (watchesWindows) end = Math.min(end, this.#nextClose(this.#done));
    if (evaluation) end = Math.min(end, (Math.floor(this.#done / evaluation.every) + 1) * evaluation.every);
    end = Math.min(end, (Math.floor(this.#done / this.#pauseEvery) + 1) * this.#pauseEvery);
    return end - this.#done;
  }

  /** Whether an evaluation is due after `step` steps. */
  evaluatesAt(step: number): boolean {
    const { maxSteps, evaluation } = this.run;
    return evaluation !== undefined && (step === maxSteps || step % evaluation.every === 0);
  }

  /** Whether the run has probes and a window closes after `step` steps. */
  probesAt(step: number): boolean {
    return probesAnything(this.run.probes) && step === this.#nextClose(step - 1);
  }

  /** Whether the run has reached a step at which the caller may decide about it. */
  get pauses(): boolean {
    return this.#done > 0 && this.#done % this.#pauseEvery === 0;
  }

  #nextClose(step: number): number {
    return nextClose(step, { logInterval: this.#logInterval, maxSteps: this.run.maxSteps });
  }

  /** Writes the order and the numbers of the next steps, from which later calls go on. */
  send(steps: number, order: Uint32Array, orderAt: number, table: StepTable): void {
    const { data, loss, batchSize } = this.run;
    const { targetWidth, part } = this.program;
    this.#batches?.take(order, orderAt, steps);
    let settings = this.optimizer;
    for (let s = 0; s < steps; s++) {
      const step = this.#done + s;
      const { lr, beta1 } = this.#schedule;
      if (beta1 !== settings.beta1) settings = withMomentum(settings, beta1);
      const numbers = stepNumbers(settings, lr, this.optimizerSteps + s + 1);
      const examples = examplesOf(step, { examples: data.examples, batchSize });
      // A sampler numbers the examples of each batch.
      const row = data.sampler === undefined ? orderAt + s * batchSize : 0;
      const counted = data.ignores ? countedIn(data, loss, examples, (k) => order[row + k]) : examples;
      const isFirst = this.optimizerSteps + s === 0 ? 1 : 0;
      const invNumbers = 1 / (counted * targetWidth);
      table.add(numbers, { invNumbers, examples, row, draw: step, isFirst }, part);
      this.#schedule.step();
    }
  }

  /** Takes the result of one step. Returns the means of the window if it closes with this step. */
  take(loss: number, hits: number, counted: number): Means | undefined {
    this.#done++;
    this.optimizerSteps++;
    this.scores.add(loss, hits, counted);
    return this.#done === this.#nextClose(this.#done - 1) ? this.scores.close(this.#done) : undefined;
  }

  /** The fields of the run's position that are the same in every chunk, or change with its steps only. */
  get constants() {
    const { optimizer } = this;
    const { loss, orderSeed } = this.run;
    const { places, targetWidth } = this.program;
    return {
      memory: this.memory.at,
      ...whereIs(this.data),
      targetWidth,
      loss: LOSSES[loss.type].code,
      lossParameter: loss.parameter,
      optimizer: OPTIMIZERS[optimizer.type].code,
      firstMoments: places.first,
      secondMoments: places.second,
      gradients: places.gradients,
      beta2: optimizer.beta2,
      oneMinusBeta2: 1 - optimizer.beta2,
      eps: optimizer.eps,
      weightDecay: optimizer.weightDecay,
      nesterov: Number(optimizer.nesterov),
      keyLow: orderSeed >>> 0,
      keyHigh: Math.floor(orderSeed / 2 ** 32) >>> 0,
      stream: STREAMS.training,
    };
  }

  /** The run's checkpoint. `state`: its parameters and moments, as read from the device. */
  checkpoint(state: Float32Array, best: Float32Array | undefined): NetworkCheckpoint {
    const { optimizerSteps, described, isStopped: stopped } = this;
    const { state: scores, least } = this.scores;
    return {
      steps: this.#done,
      of: kindOf(this.run),
      state,
      ...scores,
      ...(this.#changed || stopped ? { control: { optimizerSteps, optimizer: described, stopped } } : {}),
      ...(best && least.step > 0 ? { best: { weights: best, ...least } } : {}),
    };
  }
}

/** The fields of a position that say where and how a dataset is stored. */
export function whereIs({ at, data }: PlacedDataset) {
  return {
    rows: at,
    rowWords: data.rowWords,
    rowFormat: data.rowFormat,
    targets: at + data.targetsAt,
    targetWords: data.targetWords,
    targetFormat: data.targetFormat,
  };
}
