/**
 * Where runs lie on the device: memory for parameters, moments and activations; data-places.ts has their datasets. Gives places and
 * takes them back; who trains there is the trainer's.
 */
import { POSITION, STEP, STRIPES } from '../../../shaders/network/chunk.wgsl.js';
import type { Device } from '../../gpu/device.js';
import type { NetworkKernelKind } from '../../kernels/network/kernel.js';
import { showNetwork } from '../../network/network.js';
import { momentsOf } from '../../network/optimizers.js';
import { type Program, partOf, programOf } from '../../network/program.js';
import { packWeights } from '../../network/weights.js';
import { LockstepError } from '../../platform/errors.js';
import type { AcceptedNetworkRun } from './accept.js';
import { DataPlaces, type PlacedDataset } from './data-places.js';
import { countsOnDevice } from './dataset.js';
import { evaluationBatch } from './evaluation.js';
import { Pools, type Room } from './pools.js';
import { probeWordsOf } from './probes.js';
import { entriesOf, orderWords } from './step-table.js';

/** Bytes of the first buffer for runs, and of the first for data; later ones are larger. */
const FIRST_BYTES = 1 << 20;
/** Batches are cut so that the rows and activations of a part take no more bytes than this, where memory allows it. */
const PART_BYTES = 32 << 20;
/** All runs under way take at most this many times the bytes that a kernel can bind at once. */
const MOST_BINDINGS = 4;

/** Where a run lies. */
export interface RunPlace {
  readonly program: Program;
  readonly memory: Room;
  readonly data: PlacedDataset;
  /** Of the kernels that train and evaluate it, what does not change. */
  readonly kernel: Omit<NetworkKernelKind, 'sampler' | 'schedule'>;
  /** Of the sections of its evaluation. */
  readonly sections: readonly PlacedDataset[];
  /** The first word of the initial weights, in the buffer of its memory, where a probe asks how far they moved. */
  readonly initial: number | undefined;
  /** Where the gradient is added up, a network of its own with one moment a parameter, if a probe asks for it. */
  readonly gradient: { readonly program: Program; readonly memory: Room } | undefined;
  /** Where the weights of the best evaluation are kept, if they are. */
  readonly best: Room | undefined;
  /** Bytes that it takes, apart from its data. */
  readonly bytes: number;
}

export class RunPlaces {
  readonly #device: Device;
  readonly #memory: Pools;
  readonly #data: DataPlaces;
  readonly #programs = new Map<string, Program>();
  /** Into parts of which size batches are cut. A run that waits for room is asked about again and again. */
  readonly #parts = new WeakMap<AcceptedNetworkRun, number>();
  #words = 0;
  /** Words that a chunk of one step takes in its largest table. */
  #tableWords = 0;

  constructor(device: Device) {
    this.#device = device;
    this.#memory = new Pools(device, 'network memory', FIRST_BYTES);
    this.#data = new DataPlaces(device, FIRST_BYTES);
  }

  /** Bytes that one binding holds. */
  get mostBytes(): number {
    return this.#memory.mostBytes;
  }

  #programOf(
    run: AcceptedNetworkRun,
    moments = momentsOf(run.optimizer),
    counts = setsOf(run).some(countsOnDevice),
  ): Program {
    const { network, loss, batchSize } = run;
    const part = this.#parts.get(run) ?? this.#partOf(run);
    this.#parts.set(run, part);
    const evaluated = evaluationBatch(run.evaluation, batchSize);
    const key = JSON.stringify([network, loss, moments, batchSize, part, evaluated, counts]);
    const program =
      this.#programs.get(key) ?? programOf(network, loss, moments, batchSize, part, evaluated, counts);
    this.#programs.set(key, program);
    return program;
  }

  /** See {@link RunPlace}. */
  kernelOf(run: AcceptedNetworkRun): RunPlace['kernel'] {
    const { part, batch } = this.#programOf(run);
    const dataBuffers = setsOf(run).reduce((most, data) => Math.max(most, this.#data.buffersFor(data)), 1);
    return { dataBuffers, cuts: part < batch };
  }

  /** Into parts of which size its batches are cut. */
  #partOf(run: AcceptedNetworkRun): number {
    const { network, loss, batchSize, optimizer, probes } = run;
    if (batchSize <= STRIPES) return batchSize;
    const moments = Math.max(momentsOf(optimizer), Number(probes.gradientNorm));
    const counts = setsOf(run).some(countsOnDevice);
    const least = wordsOf(run, programOf(network, loss, moments, batchSize, STRIPES, STRIPES, counts));
    const left = this.#memory.mostBytes / 4 - least;
    return partOf(network, loss, batchSize, Math.min(PART_BYTES / 4, left));
  }

  /**
   * Whether there is room for another run beside those that are there.
   *
   * @throws LockstepError `unsupported` for a run that does not fit by itself.
   */
  fit(run: AcceptedNetworkRun, index: number): boolean {
    const program = this.#programOf(run);
    const { mostBytes } = this.#memory;
    const { network, batch, part } = program;
    const words = wordsOf(run, program);
    const ofGradient = this.#gradientProgramOf(run)?.places.words ?? 0;
    const most = Math.max(words, ofGradient);
    if (4 * most > mostBytes) {
      throw new LockstepError(
        'unsupported',
        `trainLockstep: run ${index}: ${showNetwork(network)} takes ${4 * most} bytes with ${part === batch ? 'batches' : 'parts of batches'} ` +
          `of ${part}, ${4 * program.places.state} of them for parameters and moments; this device binds at most ${mostBytes} ` +
          `(maxStorageBufferBindingSize) at once. Take fewer units, an optimizer with fewer moments, or batches of fewer examples.`,
      );
    }
    setsOf(run).forEach((data, k) => {
      this.#data.check(`trainLockstep: run ${index}: ${k === 0 ? 'data' : 'evaluate.data'}`, data);
    });
    const tables = tableWordsOf(run, program);
    const refused = (what: string, of: number, fits: string) => {
      const binds = `this device binds at most ${mostBytes} (maxStorageBufferBindingSize) at once`;
      const takes = `${what} ${4 * of} bytes in one table`;
      return new LockstepError('unsupported', `trainLockstep: run ${index}: ${takes}; ${binds}. ${fits}.`);
    };
    if (4 * tables.probes > mostBytes) {
      throw refused('its probes take', tables.probes, 'Ask for fewer parities, or probe a smaller network');
    }
    if (4 * tables.batch > mostBytes) {
      throw refused(`a batch of ${batch} takes`, tables.batch, 'Take smaller batches');
    }
    if (4 * tables.all > mostBytes) {
      const what = `with batches of ${program.evaluationBatch}, evaluate.data takes up to`;
      throw refused(what, tables.all, 'Take larger batches, or evaluate fewer examples');
    }
    const kept = run.evaluation?.keepBest ? program.places.parameters : 0;
    return (
      4 * (this.#words + words + ofGradient + kept) <= MOST_BINDINGS * mostBytes &&
      4 * (this.#tableWords + tables.all) <= mostBytes
    );
  }

  /** Takes places for a run, and writes there what it begins with. */
  take(run: AcceptedNetworkRun): RunPlace {
    const { commands } = this.#device;
    const program = this.#programOf(run);
    const memory = this.#take(wordsOf(run, program));
    this.#tableWords += tableWordsOf(run, program).all;
    const weights = packWeights(run.network, run.weights);
    const state = new Float32Array(program.places.state);
    state.set(run.checkpoint?.state ?? weights);
    commands.write(memory.buffer, 4 * memory.at, state);
    const initial = run.probes.distance ? memory.at + program.places.words : undefined;
    if (initial !== undefined) commands.write(memory.buffer, 4 * initial, weights);
    const data = this.#data.take(run.data);
    const sections = (run.evaluation?.sections ?? []).map((section) => this.#data.take(section.data));
    const best = run.evaluation?.keepBest ? this.#take(program.places.parameters) : undefined;
    if (best && run.checkpoint?.best) {
      commands.write(best.buffer, 4 * best.at, run.checkpoint.best.weights);
    }
    const ofGradient = this.#gradientProgramOf(run);
    const gradient = ofGradient && { program: ofGradient, memory: this.#take(ofGradient.places.words) };
    const rooms = [memory, gradient?.memory, best];
    const bytes = 4 * rooms.reduce((sum, room) => sum + (room?.words ?? 0), 0);
    return {
      program,
      memory,
      data,
      kernel: this.kernelOf(run),
      sections,
      initial,
      gradient,
      best,
      bytes,
    };
  }

  #take(words: number): Room {
    const room = this.#memory.take(words);
    this.#words += room.words;
    return room;
  }

  /**
   * The network once more, with a moment for the gradient, where a probe asks for it. It does not count: a gradient may be over
   * several batches.
   */
  #gradientProgramOf(run: AcceptedNetworkRun): Program | undefined {
    return run.probes.gradientNorm ? this.#programOf(run, 1, false) : undefined;
  }

  give(run: AcceptedNetworkRun, { program, memory, gradient, best }: RunPlace): void {
    this.#tableWords -= tableWordsOf(run, program).all;
    for (const room of [memory, gradient?.memory, best]) {
      if (!room) continue;
      this.#memory.give(room);
      this.#words -= room.words;
    }
    for (const data of setsOf(run)) this.#data.give(data);
  }

  destroy(): void {
    this.#memory.destroy();
    this.#data.destroy();
  }
}

const setsOf = ({ data, evaluation }: AcceptedNetworkRun) => [
  data,
  ...(evaluation?.sections ?? []).map((section) => section.data),
];

/**
 * Words that a run takes in the largest table of a chunk of one step, which are those of the order, the steps, the positions and the
 * probes: in `all`, and what of it a batch and the looks at it take without evaluations.
 */
function tableWordsOf(run: AcceptedNetworkRun, program: Program) {
  const { evaluation, window } = entriesOf(run, program);
  const entries = window + Math.ceil(run.batchSize / program.part);
  // A run has a position, and each look at most one an entry.
  const ofEntries = (more: number) =>
    Math.max(STEP.words * (entries + more), POSITION.words * (1 + window + more));
  const probes = probeWordsOf(run.network, run.probes);
  const batch = Math.max(orderWords(run), ofEntries(0));
  return { probes, batch, all: Math.max(probes, batch, ofEntries(evaluation)) };
}

/** Words that a run takes, with the initial weights where a probe asks how far they moved. */
const wordsOf = ({ probes }: AcceptedNetworkRun, { places }: Program): number =>
  places.words + (probes.distance ? places.parameters : 0);
