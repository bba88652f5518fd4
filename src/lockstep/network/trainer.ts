/**
 * Trains many networks of any shape in lockstep: admits runs, sends chunks of steps, turns results into events. Stops, evaluations
 * and pauses come between two chunks, at steps that depend on the run alone. So a run's bits depend neither on the runs beside it
 * nor on how fast the device is.
 */
import type { Schedule } from '../../../shaders/network/step.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { NetworkKernels } from '../../kernels/network/kernel.js';
import { unpackWeights } from '../../network/weights.js';
import { calling } from '../../platform/calling.js';
import { PauseControl } from '../control.js';
import { copyWords } from '../copy-words.js';
import { finishEvent } from '../finish-event.js';
import { recovering, type TrainerHooks } from '../recovery.js';
import { type AcceptedNetworkRun, acceptNetworkRun, checkNetworkOptions } from './accept.js';
import { NetworkAdmission, planEvent } from './admission.js';
import { type ChunkResults, Chunks, type Evaluated } from './chunk.js';
import { networkRules } from './control.js';
import { NetworkPacer, workOf } from './pacer.js';
import { PackedDatasets } from './packed-datasets.js';
import type { Room } from './pools.js';
import { ProbeSums } from './probe-sums.js';
import type { NetworkProgress } from './progress.js';
import { RunPlaces } from './run-places.js';
import { NetworkRuns } from './runs.js';
import { ScheduleChoice } from './schedule-choice.js';
import { NO_MEANS } from './scores.js';
import { mostSteps } from './step-table.js';
import type { NetworkLockstepEvent, NetworkLockstepOptions, NetworkRun } from './types.js';

/** A chunk of a trial has this part of the steps that a chunk would have. */
const TRIAL_PART = 0.25;

type Finish = Extract<NetworkLockstepEvent, { type: 'finish' }>;

/** See `trainLockstep`. */
export async function* trainNetworks(
  device: Device,
  options: NetworkLockstepOptions,
): AsyncGenerator<NetworkLockstepEvent, void, undefined> {
  calling('trainLockstep', 'an option', () => checkNetworkOptions(options));
  const datasets = new PackedDatasets();
  yield* recovering<NetworkRun, NetworkLockstepEvent>(device, options, (on, runs, hooks, runsAtOnce) => {
    const mostRuns = runsAtOnce ?? options.mostRuns;
    return trainOnce(on, { ...options, runs, mostRuns }, datasets, hooks);
  });
}

/** Trains on one device, until it is lost. `datasets` keeps what was laid out for an earlier device. */
async function* trainOnce(
  device: Device,
  options: NetworkLockstepOptions,
  datasets: PackedDatasets,
  hooks: TrainerHooks,
): AsyncGenerator<NetworkLockstepEvent, void, undefined> {
  device.check();
  const trainer = new NetworkTrainer(device, options, datasets, hooks);
  try {
    yield* trainer.train();
  } finally {
    await trainer.destroy();
  }
}

class NetworkTrainer {
  readonly #device: Device;
  readonly #options: NetworkLockstepOptions;
  readonly #hooks: TrainerHooks;
  readonly #places: RunPlaces;
  readonly #admission: NetworkAdmission;
  readonly #chunks: Chunks;
  readonly #pacer: NetworkPacer;
  readonly #choice: ScheduleChoice;
  /** The schedule for which the kernels of all runs under way are there. */
  #schedule: Schedule;
  readonly #runs: NetworkRuns<AcceptedNetworkRun>;
  #active: NetworkProgress[] = [];
  #steps = 0;

  constructor(
    device: Device,
    options: NetworkLockstepOptions,
    datasets: PackedDatasets,
    hooks: TrainerHooks,
  ) {
    this.#device = device;
    this.#hooks = hooks;
    this.#options = options;
    this.#places = new RunPlaces(device);
    const kernels = new NetworkKernels(device);
    const probes = new ProbeSums(device);
    this.#chunks = new Chunks(device, kernels, probes);
    this.#pacer = new NetworkPacer(device.info.isCpu);
    this.#choice = new ScheduleChoice(options.kernel ?? 'auto', device.info.isCpu);
    this.#schedule = this.#choice.schedule;
    this.#runs = new NetworkRuns(
      options.runs,
      (run, index) => acceptNetworkRun(run, index, options, datasets),
      hooks.numberOf,
    );
    this.#admission = new NetworkAdmission(this.#runs, { places: this.#places, kernels, probes }, options);
  }

  async *train(): AsyncGenerator<NetworkLockstepEvent> {
    const { signal } = this.#options;
    for (;;) {
      if (signal?.aborted) {
        for (const progress of this.#active) yield* this.#finish(progress, 'aborted');
        return;
      }
      yield* this.#admit();
      if (this.#active.length === 0) return;
      yield* this.#chunk();
      if (this.#active.length > 0 && this.#hooks.checkpointDue()) yield await this.#checkpoint();
    }
  }

  async destroy(): Promise<void> {
    this.#chunks.destroy();
    this.#places.destroy();
    await this.#runs.close();
  }

  /** Takes runs while there is room for them. */
  async *#admit(): AsyncGenerator<NetworkLockstepEvent> {
    for (;;) {
      const progress = await this.#admission.next(this.#active, this.#schedule);
      if (!progress) return;
      this.#active.push(progress);
      yield planEvent(progress);
      if (progress.isStopped) yield* this.#stop(progress);
    }
  }

  async *#chunk(): AsyncGenerator<NetworkLockstepEvent> {
    const runs = this.#active;
    const work = runs.reduce((sum, { program }) => sum + workOf(program), 0);
    await this.#choose();
    const ahead = Math.min(...runs.map(({ stepsAhead }) => stepsAhead));
    const paced = this.#pacer.steps(work) * (this.#choice.isTrial ? TRIAL_PART : 1);
    const steps = Math.max(
      1,
      Math.floor(Math.min(ahead, paced, mostSteps(runs, this.#places.mostBytes / 4))),
    );
    const submitted = performance.now();
    const expectedMs = this.#choice.isTrial ? 0 : this.#pacer.expected(work * steps);
    const kernel = this.#schedule;
    const options = { expectedMs, submitted };
    const results = await this.#chunks.run(runs, steps, kernel, this.#pacer.mostWork, options);
    const ms = performance.now() - submitted;
    if (!this.#choice.isTrial) this.#pacer.took(work * steps + results.looked, ms);
    this.#choice.took(work * steps + results.looked, ms);
    this.#device.check();
    for (const [k, run] of runs.entries()) yield* this.#collect(run, k, results);
    yield* this.#pause();
    yield { type: 'progress', steps: this.#steps, running: this.#active.length, kernel };
  }

  /** Chooses the schedule of the next chunk, and sees to it that its kernels are there. */
  async #choose(): Promise<void> {
    const work = this.#active.reduce((sum, { program, run, done }) => {
      return sum + (run.maxSteps - done) * workOf(program);
    }, 0);
    const schedule = this.#choice.next(this.#active.length, this.#pacer.expected(work));
    if (schedule === this.#schedule) return;
    this.#schedule = schedule;
    for (const { run, index } of this.#active) await this.#admission.compile(run, index, this.#schedule);
  }

  /** Takes what a chunk gave its k-th run. */
  async *#collect(
    run: NetworkProgress,
    k: number,
    chunk: ChunkResults,
  ): AsyncGenerator<NetworkLockstepEvent> {
    for (const { loss, hits, counted } of chunk.training[k]) {
      const means = run.take(loss, hits, counted);
      this.#steps++;
      if (Number.isNaN(loss) && counted > 0) {
        yield* this.#finish(run, 'non-finite');
        return;
      }
      if (!means) continue;
      const probes = chunk.windows[k];
      yield { type: 'window', run: run.index, step: run.done, ...means, ...(probes && { probes }) };
    }
    const found = chunk.evaluations[k];
    if (found) yield this.#evaluated(run, found);
    if (run.scores.stops) yield* this.#stop(run);
    else if (run.done === run.run.maxSteps) yield* this.#finish(run, 'max-steps');
  }

  /** Takes what an evaluation gave, and keeps the weights if they are the best so far. */
  #evaluated(run: NetworkProgress, { results, probes }: Evaluated): NetworkLockstepEvent {
    const isBest = run.scores.evaluated(run.done, results);
    const groups = run.scores.groupsOf(results);
    if (isBest && run.best) copyWords(this.#device, run.memory, run.best, run.program.places.parameters);
    const beside = { ...(groups && { groups }), ...(probes && { probes }) };
    return { type: 'evaluation', run: run.index, step: run.done, ...run.scores.last, ...beside };
  }

  /** Ends a run before its last step, evaluated as it is. */
  async *#stop(run: NetworkProgress): AsyncGenerator<NetworkLockstepEvent> {
    if (run.run.evaluation && !run.evaluatesAt(run.done)) {
      const now = { expectedMs: 0, submitted: performance.now() };
      const { evaluations } = await this.#chunks.run([run], 0, this.#schedule, this.#pacer.mostWork, now);
      this.#device.check();
      for (const found of evaluations) if (found) yield this.#evaluated(run, found);
    }
    yield* this.#finish(run, 'stopped');
  }

  /** Gives the run's memory free, which another run may take when the caller asks for the next event. */
  async *#finish(progress: NetworkProgress, reason: Finish['reason']): AsyncGenerator<Finish> {
    const { run, memory, best, program, scores } = progress;
    this.#active = this.#active.filter((one) => one !== progress);
    const isBest = best !== undefined && scores.least.step > 0;
    const end = reason === 'non-finite' ? NO_MEANS : scores.latest;
    const { step: weightsOf, ...means } = isBest ? scores.least : { step: progress.done, ...end };
    const ending = { run: progress.index, steps: progress.done, reason, ...means, weightsOf };
    const read = async () =>
      unpackWeights(run.network, await this.#read(isBest ? best : memory, program.places.parameters));
    const kept = this.#options.keepWeights ? await read() : undefined;
    const { event, release } = finishEvent(ending, read, () => this.#places.give(run, progress), kept);
    try {
      yield event;
    } finally {
      release();
    }
  }

  async #read({ buffer, at }: Room, words: number): Promise<Float32Array> {
    return new Float32Array(await this.#device.read(buffer, 4 * at, 4 * words));
  }

  /** Lets the caller decide about the runs that pause here, and carries its decisions out. */
  async *#pause(): AsyncGenerator<NetworkLockstepEvent> {
    const runs = this.#active.filter(({ pauses }) => pauses);
    if (runs.length === 0) return;
    const control = new PauseControl(this.#active, networkRules);
    const told = runs.map(({ index, done, scores }) => ({ run: index, step: done, ...scores.latest }));
    yield { type: 'pause', runs: told, control };
    const decisions = control.close();
    if (decisions.length === 0) return;
    this.#hooks.decided();
    for (const decision of decisions) {
      const { run } = decision;
      if (decision.type === 'stop') run.isStopped = true;
      else if (decision.type === 'change') run.change(decision.optimizer);
      else this.#fork(run, decision.from);
    }
    // First of all: if the device is lost, the caller is to be asked about all of the runs again, or about none.
    yield await this.#checkpoint();
    for (const run of this.#active.filter(({ isStopped }) => isStopped)) yield* this.#stop(run);
  }

  #fork(run: NetworkProgress, from: NetworkProgress): void {
    if (run === from) return;
    copyWords(this.#device, from.memory, run.memory, run.program.places.state);
    run.forked(from.optimizerSteps);
  }

  async #checkpoint(): Promise<NetworkLockstepEvent> {
    const runs = await Promise.all(
      this.#active.map(async (progress) => {
        const { memory, best, index, program } = progress;
        const { parameters, state: words } = program.places;
        const state = await this.#read(memory, words);
        const kept = best && (await this.#read(best, parameters));
        return { run: index, checkpoint: progress.checkpoint(state, kept) };
      }),
    );
    return { type: 'checkpoint', runs };
  }
}
