/**
 * Trains many networks of any shape in lockstep: admits runs, sends chunks of steps, turns results into events. Stops, evaluations
 * and pauses come between two chunks, at steps that depend on the run alone. So a run's bits depend neither on the runs beside it
 * nor on how fast the device is.
 */
import { STEP } from '../../../shaders/network/chunk.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { NetworkKernels } from '../../kernels/network/kernel.js';
import { showNetwork } from '../../network/network.js';
import { momentsOf } from '../../network/optimizers.js';
import { type Program, programOf, trainingFlops } from '../../network/program.js';
import { packWeights, unpackWeights } from '../../network/weights.js';
import { LockstepError } from '../../platform/errors.js';
import { finishEvent } from '../finish-event.js';
import { recovering, type TrainerHooks } from '../recovery.js';
import { type AcceptedNetworkRun, acceptNetworkRun, checkNetworkOptions } from './accept.js';
import { type ChunkResults, Chunks } from './chunk.js';
import { PauseControl } from './control.js';
import type { PackedDataset } from './dataset.js';
import { NetworkPacer } from './pacer.js';
import { PackedDatasets } from './packed-datasets.js';
import { Pools, type Room } from './pools.js';
import { ProbeSums } from './probe-sums.js';
import { NetworkProgress, type PlacedDataset } from './progress.js';
import { NetworkRuns } from './runs.js';
import type { NetworkLockstepEvent, NetworkLockstepOptions, NetworkRun } from './types.js';

/** Bytes of the first buffer for runs, and of the first for data; later ones are larger. */
const FIRST_BYTES = 1 << 20;
/** All runs under way take at most this many times the bytes that a kernel can bind at once. */
const MOST_BINDINGS = 4;

type Finish = Extract<NetworkLockstepEvent, { type: 'finish' }>;

/** See `trainLockstep`. */
export async function* trainNetworks(
  device: Device,
  options: NetworkLockstepOptions,
): AsyncGenerator<NetworkLockstepEvent, void, undefined> {
  checkNetworkOptions(options);
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
  readonly #memory: Pools;
  readonly #data: Pools;
  readonly #kernels: NetworkKernels;
  readonly #probes: ProbeSums;
  readonly #chunks: Chunks;
  readonly #pacer: NetworkPacer;
  readonly #runs: NetworkRuns<AcceptedNetworkRun>;
  readonly #programs = new Map<string, Program>();
  readonly #placed = new Map<PackedDataset, { room: Room; runs: number }>();
  #active: NetworkProgress[] = [];
  #words = 0;
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
    this.#memory = new Pools(device, 'network memory', FIRST_BYTES);
    this.#data = new Pools(device, 'network data', FIRST_BYTES);
    this.#kernels = new NetworkKernels(device);
    this.#probes = new ProbeSums(device);
    this.#chunks = new Chunks(device, this.#kernels, this.#probes);
    this.#pacer = new NetworkPacer(device.info.isCpu);
    this.#runs = new NetworkRuns(
      options.runs,
      (run, index) => acceptNetworkRun(run, index, options, datasets),
      hooks.numberOf,
    );
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
    this.#memory.destroy();
    this.#data.destroy();
    await this.#runs.close();
  }

  /** Takes runs while there is room for them. If others train, it does not wait for a run that has not come yet. */
  async *#admit(): AsyncGenerator<NetworkLockstepEvent> {
    const { mostRuns = Number.POSITIVE_INFINITY, signal } = this.#options;
    while (this.#active.length < mostRuns && !signal?.aborted) {
      const next = await this.#runs.next(this.#active.length > 0);
      if (next === undefined) return;
      const { run, index } = next;
      const program = this.#programOf(run);
      if (!this.#fits(run, program, index)) {
        this.#runs.giveBack(next);
        return;
      }
      await this.#compile(run, index);
      const progress = this.#place(index, run, program);
      this.#active.push(progress);
      const { network, batch } = program;
      const flops = trainingFlops(network, batch);
      const bytes = 4 * wordsOf(run, program);
      yield {
        type: 'plan',
        run: index,
        network: showNetwork(network),
        parameters: network.parameters,
        bytes,
        flops,
      };
    }
  }

  /** Compiles the kernels that a run needs. Errors name the run if they are about the WGSL of its sampler. */
  async #compile({ data, evaluation, probes }: AcceptedNetworkRun, index: number): Promise<void> {
    await this.#probes.make(probes);
    const looked = (evaluation?.sections ?? []).map((section) => section.data.sampler);
    for (const sampler of [data.sampler, ...looked.filter((one) => one !== undefined)]) {
      await this.#kernels.make(sampler).catch((cause) => {
        if (sampler === undefined || !(cause instanceof LockstepError)) throw cause;
        const where = `trainLockstep: run ${index}: the sampler's WGSL in the kernel`;
        throw new LockstepError(cause.code, `${where}: ${cause.message}`, { cause });
      });
    }
  }

  #programOf({ network, loss, optimizer, batchSize }: AcceptedNetworkRun): Program {
    const moments = momentsOf(optimizer);
    const key = JSON.stringify([network, loss, moments, batchSize]);
    const program = this.#programs.get(key) ?? programOf(network, loss, moments, batchSize);
    this.#programs.set(key, program);
    return program;
  }

  #fits(run: AcceptedNetworkRun, program: Program, index: number): boolean {
    const { mostBytes } = this.#memory;
    const { network, batch } = program;
    const words = wordsOf(run, program);
    if (4 * words > mostBytes) {
      throw new LockstepError(
        'unsupported',
        `trainLockstep: run ${index}: ${showNetwork(network)} takes ${4 * words} bytes with batches of ${batch}; ` +
          `this device binds at most ${mostBytes} (maxStorageBufferBindingSize) at once. Take smaller batches.`,
      );
    }
    return this.#active.length === 0 || 4 * (this.#words + words) <= MOST_BINDINGS * mostBytes;
  }

  #place(index: number, run: AcceptedNetworkRun, program: Program): NetworkProgress {
    const memory = this.#memory.take(wordsOf(run, program));
    this.#words += memory.words;
    const { commands } = this.#device;
    const initial = packWeights(run.network, run.weights);
    const state = new Float32Array(program.places.state);
    state.set(run.checkpoint?.state ?? initial);
    commands.write(memory.buffer, 4 * memory.at, state);
    if (run.probes.distance) {
      commands.write(memory.buffer, 4 * (memory.at + program.places.words), initial);
    }
    const data = this.#placeData(index, 'data', run.data);
    const sections = (run.evaluation?.sections ?? []).map((section) =>
      this.#placeData(index, 'evaluate.data', section.data),
    );
    const best = run.evaluation?.keepBest ? this.#memory.take(program.places.parameters) : undefined;
    if (best && run.checkpoint?.best) {
      commands.write(best.buffer, 4 * best.at, run.checkpoint.best.weights);
    }
    const { logInterval = 250, pauseEvery = Number.POSITIVE_INFINITY } = this.#options;
    const cadence = { logInterval, pauseEvery };
    return new NetworkProgress(index, run, program, memory, data, sections, best, cadence);
  }

  #placeData(index: number, name: string, data: PackedDataset): PlacedDataset {
    let placed = this.#placed.get(data);
    if (!placed) {
      const { mostBytes } = this.#data;
      if (4 * data.words.length > mostBytes) {
        const rows = Math.floor((data.examples * mostBytes) / (4 * data.words.length));
        throw new LockstepError(
          'unsupported',
          `trainLockstep: run ${index}: ${name} takes ${4 * data.words.length} bytes; this device binds at most ${mostBytes} ` +
            `(maxStorageBufferBindingSize) at once, which is ${rows} of its ${data.examples} rows.`,
        );
      }
      placed = { room: this.#data.take(data.words.length), runs: 0 };
      this.#device.commands.write(placed.room.buffer, 4 * placed.room.at, data.words);
      this.#placed.set(data, placed);
    }
    placed.runs++;
    return { room: placed.room, data };
  }

  #release({ memory, best, run }: NetworkProgress): void {
    this.#memory.give(memory);
    if (best) this.#memory.give(best);
    this.#words -= memory.words;
    for (const data of [run.data, ...(run.evaluation?.sections ?? []).map((section) => section.data)]) {
      const placed = this.#placed.get(data);
      if (!placed || --placed.runs > 0) continue;
      this.#data.give(placed.room);
      this.#placed.delete(data);
    }
  }

  async *#chunk(): AsyncGenerator<NetworkLockstepEvent> {
    const runs = this.#active;
    const work = runs.reduce((sum, { program }) => sum + workOf(program), 0);
    const ahead = Math.min(...runs.map(({ stepsAhead }) => stepsAhead));
    const steps = Math.max(1, Math.min(ahead, this.#pacer.steps(work), this.#mostSteps(runs)));
    const submitted = performance.now();
    const options = { expectedMs: this.#pacer.expected(work * steps), submitted };
    const results = await this.#chunks.run(runs, steps, options);
    this.#pacer.took(work * steps, performance.now() - submitted);
    this.#device.check();
    for (const [k, run] of runs.entries()) yield* this.#collect(run, k, results);
    yield* this.#pause();
    yield { type: 'progress', steps: this.#steps, running: this.#active.length };
  }

  /** The most steps whose order and numbers a kernel can bind at once. */
  #mostSteps(runs: readonly NetworkProgress[]): number {
    const order = runs.reduce((sum, { run }) => sum + run.batchSize, 0);
    return Math.floor(this.#memory.mostBytes / 4 / Math.max(order, STEP.words * runs.length));
  }

  /** Takes what a chunk gave its k-th run. */
  async *#collect(
    run: NetworkProgress,
    k: number,
    chunk: ChunkResults,
  ): AsyncGenerator<NetworkLockstepEvent> {
    const [looks, ofWeights, ofExamples] = [chunk.evaluation[k], chunk.weights[k], chunk.examples[k]];
    for (const { loss, hits, counted } of chunk.training[k]) {
      const means = run.take(loss, hits, counted);
      this.#steps++;
      if (Number.isNaN(loss)) {
        yield* this.#finish(run, 'non-finite');
        return;
      }
      if (!means) continue;
      const found = ofWeights && { probes: ofWeights };
      yield { type: 'window', run: run.index, step: run.done, ...means, ...found };
    }
    if (looks) {
      const isBest = run.evaluated(looks);
      const groups = run.groupsOf(looks);
      if (isBest && run.best) this.#copy(run.memory, run.best, run.program.places.parameters);
      const beside = { ...(groups && { groups }), ...(ofExamples && { probes: ofExamples }) };
      yield { type: 'evaluation', run: run.index, step: run.done, ...run.last, ...beside };
    }
    if (run.stops) yield* this.#finish(run, 'stopped');
    else if (run.done === run.run.maxSteps) yield* this.#finish(run, 'max-steps');
  }

  /** Gives the run's memory free, which another run may take when the caller asks for the next event. */
  async *#finish(progress: NetworkProgress, reason: Finish['reason']): AsyncGenerator<Finish> {
    const { run, memory, best, program } = progress;
    this.#active = this.#active.filter((one) => one !== progress);
    const isBest = best !== undefined && progress.bestStep > 0;
    const ending = {
      ...{ run: progress.index, steps: progress.done, reason, ...progress.last },
      weightsOf: isBest ? progress.bestStep : progress.done,
    };
    const read = async () =>
      unpackWeights(run.network, await this.#read(isBest ? best : memory, program.places.parameters));
    const kept = this.#options.keepWeights ? await read() : undefined;
    const { event, release } = finishEvent(ending, read, () => this.#release(progress), kept);
    try {
      yield event;
    } finally {
      release();
    }
  }

  async #read({ buffer, at }: Room, words: number): Promise<Float32Array> {
    return new Float32Array(await this.#device.read(buffer, 4 * at, 4 * words));
  }

  /** Copies through another buffer, as WebGPU does not copy from a buffer to itself. */
  #copy(from: Room, to: Room, words: number): void {
    const { commands } = this.#device;
    const between = this.#device.pool.take(4 * words);
    commands.copy(from.buffer, 4 * from.at, between, 0, 4 * words);
    commands.copy(between, 0, to.buffer, 4 * to.at, 4 * words);
    this.#device.pool.give(between);
  }

  /** Lets the caller decide about the runs that pause here, and carries its decisions out. */
  async *#pause(): AsyncGenerator<NetworkLockstepEvent> {
    const runs = this.#active.filter(({ pauses }) => pauses);
    if (runs.length === 0) return;
    const control = new PauseControl(this.#active);
    const told = runs.map(({ index, done, last, lastWindow }) => {
      return { run: index, step: done, ...(Number.isNaN(last.loss) ? lastWindow : last) };
    });
    yield { type: 'pause', runs: told, control };
    const decisions = control.close();
    if (decisions.length > 0) this.#hooks.decided();
    for (const decision of decisions) {
      const { run } = decision;
      if (decision.type === 'stop') yield* this.#finish(run, 'stopped');
      else if (decision.type === 'change') run.change(decision.optimizer);
      else this.#fork(run, decision.from);
    }
  }

  #fork(run: NetworkProgress, from: NetworkProgress): void {
    if (run === from) return;
    this.#copy(from.memory, run.memory, run.program.places.state);
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

/** Words that a run takes, with the initial weights where a probe asks how far they moved. */
const wordsOf = ({ probes }: AcceptedNetworkRun, { places }: Program): number =>
  places.words + (probes.distance ? places.parameters : 0);

/**
 * The work of a step of a run, in floating-point operations, to compare chunks with each other. Those of the optimizer count more,
 * and each step has a fixed part.
 */
const workOf = ({ network, batch }: Program): number =>
  trainingFlops(network, batch) + 40 * network.parameters + 20_000;
