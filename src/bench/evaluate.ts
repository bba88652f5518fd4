/**
 * One evaluation: a strategy on a configuration, from secrets to results. It asks the strategy for data and weights,
 * feeds the lockstep trainer, and says what happens as events. No files, no flags, no display.
 */
import type { Device } from '../gpu/device.js';
import { trainLockstep } from '../lockstep/trainer.js';
import type { AdamWSettings, LockstepEvent, LockstepOptions, LockstepRun } from '../lockstep/types.js';
import type { PreparedRun, PreparedSecret } from './prepare.js';
import { type Secret, sampleSecrets } from './secrets.js';
import { validateSeed } from './seeds.js';
import type { Strategy } from './strategy.js';
import { localStrategy, type StrategyHost } from './strategy-host.js';
import { type RunResult, type Summary, summarize } from './summary.js';
import { type Task, validateTask } from './task.js';

/**
 * Datasets, and weights, of up to this many bytes are all made and checked before training; what is larger is made
 * secret by secret while the device trains.
 */
const AHEAD_BYTES = 64 * 2 ** 20;

export interface EvaluateOptions {
  task: Task;
  /** Top-level seed. Default 42. */
  seed?: number;
  /** Ends the evaluation early; its summary then covers the runs that had finished. */
  signal?: AbortSignal;
  /** Which kernel variant trains; default `auto`. */
  kernel?: LockstepOptions['kernel'];
}

export type EvaluationEvent =
  /** As the trainer says it: which kernel, how many runs at once; then steps of all runs together. */
  | Extract<LockstepEvent, { type: 'plan' | 'progress' }>
  /** A secret's training set is ready. */
  | { type: 'dataset'; secret: number; examples: number; positiveRate: number }
  /** A window of one run closed: its mean loss and batch accuracy. */
  | { type: 'window'; secret: number; order: number; step: number; loss: number; accuracy: number }
  /** A run finished and was scored. Aborted runs have no such event. */
  | { type: 'run'; result: RunResult }
  /** The last one. */
  | { type: 'end'; summary: Summary };

/** The data of one secret and the weights of its runs, made or on their way. */
interface SecretWork {
  data: Promise<PreparedSecret>;
  runs: Promise<PreparedRun>[];
}

/** An evaluation whose strategy has been asked and has given usable answers; nothing has been trained. */
export class Evaluation {
  readonly task: Task;
  readonly seed: number;
  readonly strategy: string;
  readonly #host: StrategyHost;
  readonly #secrets: Secret[];
  readonly #work: (SecretWork | undefined)[] = [];
  #optimizer!: AdamWSettings;

  private constructor(host: StrategyHost, task: Task, seed: number) {
    this.#host = host;
    this.task = task;
    this.seed = seed;
    this.strategy = host.name;
    this.#secrets = sampleSecrets(task, seed);
  }

  /**
   * Asks the strategy for its optimizer settings and for the first secret's data and weights: for all of them where
   * they are small.
   *
   * @throws LockstepError `bad-input` that names the strategy, the function and the value.
   */
  static async prepare(strategy: Strategy | StrategyHost, task: Task, seed = 42): Promise<Evaluation> {
    validateTask(task);
    validateSeed(seed);
    const host = 'call' in strategy ? strategy : localStrategy(strategy);
    const evaluation = new Evaluation(host, task, seed);
    evaluation.#optimizer = await host.call('optimizer', task);
    await evaluation.#makeAhead();
    return evaluation;
  }

  async #makeAhead(): Promise<void> {
    const data = await this.#secret(0).data;
    // Of the first secret only one run for now: its weights tell how large all are.
    const { weights } = await this.#host.call('run', this.task, this.seed, 0, 0);
    const weightBytes = Object.values(weights).reduce((sum, array) => sum + array.byteLength, 0);
    const dataBytes = data.dataset.x.words.byteLength + data.testSet.x.words.byteLength;
    const { secrets, orders } = this.task;
    if (dataBytes * secrets > AHEAD_BYTES || weightBytes * secrets * orders > AHEAD_BYTES) return;
    const all = this.#secrets.map((_, s) => this.#secret(s, true));
    await Promise.all(all.flatMap((work) => [work.data, ...work.runs]));
  }

  /** The work on secret s, begun now if it was not; `withRuns` begins the weights of its runs too. */
  #secret(s: number, withRuns = false): SecretWork {
    const { task, seed } = this;
    let work = this.#work[s];
    if (!work) {
      work = { data: quiet(this.#host.call('secret', task, seed, s, this.#secrets[s])), runs: [] };
      this.#work[s] = work;
    }
    if (withRuns && work.runs.length === 0) {
      work.runs = Array.from({ length: task.orders }, (_, o) =>
        quiet(this.#host.call('run', task, seed, s, o)),
      );
    }
    return work;
  }

  /** The runs in run order. While a secret's runs are handed out, the next secret's data is being made. */
  async *#runs(announce: (data: PreparedSecret) => void): AsyncGenerator<LockstepRun> {
    for (let s = 0; s < this.#secrets.length; s++) {
      const work = this.#secret(s, true);
      if (s + 1 < this.#secrets.length) this.#secret(s + 1);
      const data = await work.data;
      announce(data);
      this.#work[s] = undefined;
      for (const run of work.runs) {
        const { weights, orderSeed } = await run;
        yield {
          weights,
          orderSeed,
          dataset: data.dataset,
          testSet: data.testSet,
          optimizer: this.#optimizer,
        };
      }
    }
  }

  /** Trains and scores all runs. Once only: the prepared data goes to the trainer and is not kept. */
  async *train(
    device: Device,
    options: Pick<EvaluateOptions, 'signal' | 'kernel'> = {},
  ): AsyncGenerator<EvaluationEvent> {
    const { task } = this;
    const results: RunResult[] = [];
    const announced: EvaluationEvent[] = [];
    const kernels = new Set<string>();
    const runs = this.#runs(({ secretIndex, dataset, positiveRate }) => {
      announced.push({ type: 'dataset', secret: secretIndex, examples: dataset.x.rows, positiveRate });
    });
    for await (const event of trainLockstep(device, { ...trainerOptions(task), ...options, runs })) {
      yield* announced.splice(0);
      const translated = this.#translate(event);
      if (!translated) continue;
      if (translated.type === 'plan') kernels.add(translated.kernel);
      if (translated.type === 'run') results.push(translated.result);
      yield translated;
    }
    const complete = results.length === task.secrets * task.orders;
    yield {
      type: 'end',
      summary: summarize(this.strategy, task, this.seed, results, complete, [...kernels]),
    };
  }

  #translate(event: LockstepEvent): EvaluationEvent | undefined {
    if (event.type === 'plan' || event.type === 'progress') return event;
    const { orders } = this.task;
    const [secret, order] = [Math.floor(event.run / orders), event.run % orders];
    if (event.type === 'window') {
      const { step, loss, accuracy } = event;
      return { type: 'window', secret, order, step, loss, accuracy };
    }
    if (event.reason === 'aborted') return undefined;
    const { steps, testAccuracy } = event;
    const nonFinite = event.reason === 'non-finite' ? { nonFinite: true } : {};
    return {
      type: 'run',
      result: { secretIndex: secret, orderIndex: order, steps, testAccuracy, ...nonFinite },
    };
  }
}

/** Marks a promise as looked after: whoever awaits it still gets its error, and nobody has to. */
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
    expectedRuns: task.secrets * task.orders,
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
  { task, seed, ...options }: EvaluateOptions,
): AsyncGenerator<EvaluationEvent> {
  const evaluation = await Evaluation.prepare(strategy, task, seed);
  yield* evaluation.train(device, options);
}
