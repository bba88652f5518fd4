/**
 * One evaluation: a strategy on a configuration, from secrets to results. It asks the strategy for data and weights, passes
 * them to the lockstep trainer, and yields what happens as events. It knows no files, flags or display.
 */
import type { Device } from '../gpu/device.js';
import { trainLockstep } from '../lockstep/trainer.js';
import type { AdamWSettings, LockstepOptions } from '../lockstep/types.js';
import { checkObject } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { positiveRate } from '../tensor/bits.js';
import { checkCheckpoint } from './checkpoint.js';
import { ordersBySecret } from './chosen-runs.js';
import { makeTestSet } from './dataset.js';
import { EvaluationState, type PlacedRun } from './evaluation-state.js';
import type { EvaluationCheckpoint, EvaluationEvent, WindowPoint } from './events.js';
import { checkFingerprint, datasetDigest, type Fingerprint } from './fingerprint.js';
import type { PreparedRun, PreparedSecret } from './prepare.js';
import { type Secret, sampleSecrets } from './secrets.js';
import { orderSeed, testSetSeed, trainingSetSeed, validateSeed, weightsSeed } from './seeds.js';
import { checkStrategy, type Strategy } from './strategy.js';
import { localStrategy, type StrategyHost } from './strategy-host.js';
import { type Summary, summarize } from './summary.js';
import { summaryConfig } from './summary-config.js';
import { type Task, validateTask } from './task.js';

/**
 * Datasets of up to this many bytes in all are made and checked before training, and so are weights. Larger ones are made
 * secret by secret while the device trains.
 */
const AHEAD_BYTES = 64 * 2 ** 20;

/** Options of an evaluation that are passed on to `trainLockstep`. */
export interface TrainOptions {
  /** Ends the evaluation early; its summary then covers the runs that had finished. */
  signal?: AbortSignal;
  /** Which kernel variant trains; default `auto`. */
  kernel?: LockstepOptions['kernel'];
  /** Seconds between `checkpoint` events. Default: none. */
  checkpointSeconds?: number;
  /** Whether, and how, it goes on where the device is lost, to the same results; default true. */
  recover?: LockstepOptions['recover'];
}

const TRAIN_OPTIONS = ['signal', 'kernel', 'checkpointSeconds', 'recover'];

/** Options of {@link evaluate}. */
export interface EvaluateOptions extends TrainOptions {
  task: Task;
  /** Top-level seed. Default 42. */
  seed?: number;
  /** See {@link Evaluation.resume}. */
  resume?: EvaluationCheckpoint;
  /** See {@link Evaluation.prepare}. */
  runs?: readonly number[];
}

/** The data of one secret and the weights of those of its runs that are trained, as promises. */
interface SecretWork {
  data: Promise<PreparedSecret>;
  /** By order. */
  runs: Map<number, Promise<PreparedRun>>;
}

/** An evaluation whose strategy has been asked and has given usable answers; nothing has been trained. */
export class Evaluation {
  /** A frozen copy, so that the strategy and the caller cannot change it. */
  readonly task: Task;
  readonly seed: number;
  readonly strategy: string;
  readonly #host: StrategyHost;
  readonly #secrets: Secret[];
  /** Orders of each secret's runs that this evaluation trains. */
  readonly #orders: number[][];
  readonly #work: (SecretWork | undefined)[] = [];
  /** SHA-256 of each training set: of the set itself once it was made, until then from the checkpoint. */
  readonly #digests: (string | null)[];
  #optimizer!: AdamWSettings;
  #resumed: EvaluationCheckpoint | undefined;
  #state: EvaluationState | undefined;

  private constructor(host: StrategyHost, task: Task, seed: number, runs: readonly number[] | undefined) {
    this.#host = host;
    this.task = task;
    this.seed = seed;
    this.strategy = host.name;
    this.#secrets = sampleSecrets(task, seed);
    this.#digests = this.#secrets.map(() => null);
    this.#orders = ordersBySecret('Evaluation.prepare', task, runs);
  }

  /**
   * Asks the strategy for its optimizer settings and for the first secret's data and weights; for those of all secrets where
   * they are small.
   *
   * @param runs Numbers of the runs to train, `secret * orders + order`, where it is not all of them. Their numbers, seeds and
   * bits are as beside the others.
   * @throws LockstepError `bad-input` that names the strategy, the function and the value.
   */
  static async prepare(
    strategy: Strategy | StrategyHost,
    task: Task,
    seed = 42,
    runs?: readonly number[],
  ): Promise<Evaluation> {
    const own = Object.freeze({ ...task });
    validateTask(own);
    validateSeed(seed);
    const host = isHost(strategy) ? strategy : localStrategy(checkStrategy(strategy, 'Evaluation.prepare'));
    const evaluation = new Evaluation(host, own, seed, runs);
    evaluation.#optimizer = await host.call('optimizer', own);
    await evaluation.#makeAhead();
    return evaluation;
  }

  async #makeAhead(): Promise<void> {
    const used = this.#orders.flatMap((orders, s) => (orders.length > 0 ? [s] : []));
    if (used.length === 0) return;
    const data = await this.#secret(used[0]).data;
    // One run of the first secret for now: its weights show how large all of them are.
    const { weights } = await this.#run(used[0], this.#orders[used[0]][0]);
    const weightBytes = Object.values(weights).reduce((sum, array) => sum + array.byteLength, 0);
    const dataBytes = data.dataset.x.words.byteLength + data.testSet.x.words.byteLength;
    if (dataBytes * used.length > AHEAD_BYTES || weightBytes * this.runCount > AHEAD_BYTES) return;
    const all = used.map((s) => this.#secret(s, true));
    await Promise.all(all.flatMap((work) => [work.data, ...work.runs.values()]));
  }

  /** The work on secret s, which begins now if it has not yet. `withRuns` also begins the weights of its runs. */
  #secret(s: number, withRuns = false): SecretWork {
    let work = this.#work[s];
    if (!work) {
      work = { data: quiet(this.#data(s)), runs: new Map() };
      this.#work[s] = work;
    }
    if (withRuns && work.runs.size === 0)
      work.runs = new Map(this.#orders[s].map((o) => [o, quiet(this.#run(s, o))]));
    return work;
  }

  /** The strategy makes the training set; the test set is made here, where none of its code runs. */
  async #data(s: number): Promise<PreparedSecret> {
    const { task, seed } = this;
    const secret = this.#secrets[s];
    const dataset = await this.#host.call('dataset', task, secret, trainingSetSeed(seed, s));
    this.#setDigest(s, await datasetDigest(dataset));
    const testSet = makeTestSet(secret, task, testSetSeed(seed, s));
    return { secretIndex: s, secret, dataset, testSet, positiveRate: positiveRate(dataset) };
  }

  async #run(s: number, o: number): Promise<PreparedRun> {
    const { task, seed } = this;
    const weights = await this.#host.call('weights', task, weightsSeed(seed, s, o));
    return { secretIndex: s, orderIndex: o, weights, orderSeed: orderSeed(seed, s, o) };
  }

  /** Compares a training set with the checkpoint's when it is made, which may be while the device trains. */
  #setDigest(s: number, digest: string): void {
    this.#digests[s] = digest;
    if (this.#resumed) this.#checkResumed(this.#resumed, this.#resumed.fingerprint.kernel);
  }

  #checkResumed(checkpoint: EvaluationCheckpoint, kernel: string | undefined): void {
    checkFingerprint('The checkpoint', checkpoint?.fingerprint, this.fingerprint(kernel));
  }

  /** The runs without a result, in run order. While one secret's runs are passed on, the next secret's data is made. */
  async *#runs(state: EvaluationState, announce: (data: PreparedSecret) => void): AsyncGenerator<PlacedRun> {
    const runsLeft = (s: number) => state.runsLeft(s, this.#orders[s]);
    const left = this.#secrets.map((_, s) => s).filter((s) => runsLeft(s).length > 0);
    for (const [i, s] of left.entries()) {
      const work = this.#secret(s, true);
      if (i + 1 < left.length) this.#secret(left[i + 1]);
      const data = await work.data;
      announce(data);
      this.#work[s] = undefined;
      for (const o of runsLeft(s)) {
        const { weights, orderSeed } = await work.runs.get(o)!;
        const { dataset, testSet } = data;
        const run = { weights, orderSeed, dataset, testSet, optimizer: this.#optimizer };
        yield { secret: s, order: o, run };
      }
    }
  }

  /** What this evaluation is made of. `kernel` is what {@link train} is asked for. */
  fingerprint(kernel = 'auto'): Fingerprint {
    return {
      strategy: this.strategy,
      source: this.#host.source ?? {},
      optimizer: this.#optimizer,
      config: summaryConfig(this.task, this.seed),
      kernel,
      datasets: [...this.#digests],
    };
  }

  /**
   * Makes {@link train} resume from a checkpoint. It yields the events before the checkpoint again, then those of the rest of
   * the training, with the same bits.
   *
   * @param kernel What {@link train} will be asked for.
   * @throws LockstepError `bad-input` for a checkpoint of another evaluation, with what differs, and for other values.
   */
  resume(checkpoint: EvaluationCheckpoint, kernel?: string): void {
    this.#checkResumed(checkpoint, kernel); // first, as runs of another task could be out of range
    checkCheckpoint(checkpoint, this.task, (secret, order) => this.#orders[secret].includes(order));
    this.#resumed = checkpoint;
    this.#digests.forEach((digest, s) => {
      this.#digests[s] = digest ?? checkpoint.fingerprint.datasets[s];
    });
  }

  /**
   * A checkpoint made when there is no time to ask the device: finished runs with all their windows, the others as in the last
   * checkpoint, or not begun. Undefined before {@link train}.
   */
  snapshot(last?: EvaluationCheckpoint): EvaluationCheckpoint | undefined {
    return this.#state?.snapshot(last);
  }

  /** How many runs it trains: all of the task, or those that {@link prepare} was given. */
  get runCount(): number {
    return this.#orders.reduce((sum, orders) => sum + orders.length, 0);
  }

  /** The windows that have closed so far, including those before a checkpoint. */
  get windows(): readonly WindowPoint[] {
    return this.#state?.windows ?? [];
  }

  /** The summary of the runs that have finished so far; complete when all have. Undefined before {@link train}. */
  summary(): Summary | undefined {
    if (!this.#state) return undefined;
    const { task, strategy, seed } = this;
    const { results, kernels, fingerprint } = this.#state;
    const complete = results.length === task.secrets * task.orders;
    return summarize(strategy, task, seed, results, complete, kernels, fingerprint);
  }

  /** Trains and scores all runs. It can be called once, as the prepared data goes to the trainer and is not kept. */
  async *train(device: Device, options: TrainOptions = {}): AsyncGenerator<EvaluationEvent> {
    checkOptionNames('Evaluation.train', options, TRAIN_OPTIONS);
    const { task } = this;
    if (this.#resumed) this.#checkResumed(this.#resumed, options.kernel);
    const fingerprint = () => this.fingerprint(options.kernel);
    const state = new EvaluationState(task, fingerprint, this.#resumed);
    this.#state = state;
    yield* state.before();
    const announced: EvaluationEvent[] = [];
    const placed = this.#runs(state, ({ secretIndex, dataset, positiveRate }) => {
      announced.push(...state.announce({ secret: secretIndex, examples: dataset.x.rows, positiveRate }));
    });
    const runs = state.handOut(placed);
    const trainer = { ...trainerOptions(task), expectedRuns: Math.max(1, this.runCount) };
    for await (const event of trainLockstep(device, { ...trainer, ...options, runs })) {
      yield* announced.splice(0);
      const translated = state.translate(event);
      if (translated) yield translated;
    }
    yield { type: 'end', summary: this.summary()! };
  }
}

const isHost = (strategy: Strategy | StrategyHost): strategy is StrategyHost =>
  typeof strategy === 'object' && strategy !== null && 'call' in strategy;

/** Keeps a promise that is never awaited from being reported as an unhandled rejection. Awaiting it still throws. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function trainerOptions(task: Task): Omit<LockstepOptions, 'runs'> {
  return {
    features: task.nFeatures,
    hidden: task.hiddenWidth,
    batchSize: task.batchSize,
    maxSteps: task.maxSteps,
    logInterval: task.logInterval,
    stop: {
      minSteps: task.minStepsBeforeStop,
      accuracy: task.earlyStopAcc,
      windows: task.earlyStopWindows,
    },
  };
}

/**
 * Evaluates a strategy on one configuration.
 *
 * @param strategy An object of `defineStrategy`, whose functions run in this thread, or a host of your own.
 * @throws LockstepError `bad-input` before any training where the strategy's answers cannot be used.
 * @example
 * const device = await openDevice();
 * for await (const event of evaluate(device, strategyNamed('feature-isolation'), { task: makeTask('n32-k8', 'smoke') })) {
 *   if (event.type === 'end') console.log(event.summary.metrics.test_accuracy);
 * }
 */
export async function* evaluate(
  device: Device,
  strategy: Strategy | StrategyHost,
  evaluateOptions: EvaluateOptions,
): AsyncGenerator<EvaluationEvent> {
  checkObject('evaluate', 'the third argument', evaluateOptions, "{ task: makeTask('n32-k8') } fits");
  checkOptionNames('evaluate', evaluateOptions, ['task', 'seed', 'resume', 'runs', ...TRAIN_OPTIONS]);
  const { task, seed, resume, runs, ...options } = evaluateOptions;
  const evaluation = await Evaluation.prepare(strategy, task, seed, runs);
  if (resume) evaluation.resume(resume, options.kernel);
  yield* evaluation.train(device, options);
}
