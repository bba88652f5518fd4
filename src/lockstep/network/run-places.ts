/**
 * Where runs lie on the device: memory for parameters, moments and activations, and datasets, each once for all runs that name
 * it. Gives places and takes them back; who trains there is the trainer's.
 */
import type { Device } from '../../gpu/device.js';
import { showNetwork } from '../../network/network.js';
import { momentsOf } from '../../network/optimizers.js';
import { type Program, programOf } from '../../network/program.js';
import { packWeights } from '../../network/weights.js';
import { LockstepError } from '../../platform/errors.js';
import type { AcceptedNetworkRun } from './accept.js';
import type { PackedDataset } from './dataset.js';
import { Pools, type Room } from './pools.js';

/** Bytes of the first buffer for runs, and of the first for data; later ones are larger. */
const FIRST_BYTES = 1 << 20;
/** All runs under way take at most this many times the bytes that a kernel can bind at once. */
const MOST_BINDINGS = 4;

/** A dataset and its place on the device. */
export interface PlacedDataset {
  readonly room: Room;
  readonly data: PackedDataset;
}

/** Where a run lies. */
export interface RunPlace {
  readonly program: Program;
  readonly memory: Room;
  readonly data: PlacedDataset;
  /** Of the sections of its evaluation. */
  readonly sections: readonly PlacedDataset[];
  /** The first word of the initial weights, in the buffer of its memory, where a probe asks how far they moved. */
  readonly initial: number | undefined;
  /** Where the gradient is added up, a network of its own with one moment a parameter, if a probe asks for it. */
  readonly gradient: { readonly program: Program; readonly memory: Room } | undefined;
  /** Where the weights of the best evaluation are kept, if they are. */
  readonly best: Room | undefined;
  /** Bytes that it takes without the best weights. */
  readonly bytes: number;
}

export class RunPlaces {
  readonly #device: Device;
  readonly #memory: Pools;
  readonly #data: Pools;
  readonly #programs = new Map<string, Program>();
  readonly #placed = new Map<PackedDataset, { room: Room; runs: number }>();
  #words = 0;

  constructor(device: Device) {
    this.#device = device;
    this.#memory = new Pools(device, 'network memory', FIRST_BYTES);
    this.#data = new Pools(device, 'network data', FIRST_BYTES);
  }

  /** Bytes that one binding holds. */
  get mostBytes(): number {
    return this.#memory.mostBytes;
  }

  #programOf(run: AcceptedNetworkRun, moments = momentsOf(run.optimizer)): Program {
    const { network, loss, batchSize } = run;
    const key = JSON.stringify([network, loss, moments, batchSize]);
    const program = this.#programs.get(key) ?? programOf(network, loss, moments, batchSize);
    this.#programs.set(key, program);
    return program;
  }

  /**
   * Whether there is room for another run beside those that are there.
   *
   * @throws LockstepError `unsupported` for a run that does not fit by itself.
   */
  fit(run: AcceptedNetworkRun, index: number): boolean {
    const program = this.#programOf(run);
    const { mostBytes } = this.#memory;
    const { network, batch } = program;
    const words = wordsOf(run, program);
    const ofGradient = this.#gradientProgramOf(run)?.places.words ?? 0;
    const most = Math.max(words, ofGradient);
    if (4 * most > mostBytes) {
      throw new LockstepError(
        'unsupported',
        `trainLockstep: run ${index}: ${showNetwork(network)} takes ${4 * most} bytes with batches of ${batch}; ` +
          `this device binds at most ${mostBytes} (maxStorageBufferBindingSize) at once. Take smaller batches.`,
      );
    }
    return 4 * (this.#words + words + ofGradient) <= MOST_BINDINGS * mostBytes;
  }

  /** Takes places for a run, and writes there what it begins with. */
  take(run: AcceptedNetworkRun, index: number): RunPlace {
    const { commands } = this.#device;
    const program = this.#programOf(run);
    const memory = this.#take(wordsOf(run, program));
    const weights = packWeights(run.network, run.weights);
    const state = new Float32Array(program.places.state);
    state.set(run.checkpoint?.state ?? weights);
    commands.write(memory.buffer, 4 * memory.at, state);
    const initial = run.probes.distance ? memory.at + program.places.words : undefined;
    if (initial !== undefined) commands.write(memory.buffer, 4 * initial, weights);
    const data = this.#placeData(index, 'data', run.data);
    const sections = (run.evaluation?.sections ?? []).map((section) =>
      this.#placeData(index, 'evaluate.data', section.data),
    );
    const best = run.evaluation?.keepBest ? this.#memory.take(program.places.parameters) : undefined;
    if (best && run.checkpoint?.best) {
      commands.write(best.buffer, 4 * best.at, run.checkpoint.best.weights);
    }
    const ofGradient = this.#gradientProgramOf(run);
    const gradient = ofGradient && { program: ofGradient, memory: this.#take(ofGradient.places.words) };
    const bytes = 4 * (memory.words + (gradient?.memory.words ?? 0));
    return { program, memory, data, sections, initial, gradient, best, bytes };
  }

  #take(words: number): Room {
    const room = this.#memory.take(words);
    this.#words += room.words;
    return room;
  }

  /** The network once more, with a moment for the gradient, where a probe asks for it. */
  #gradientProgramOf(run: AcceptedNetworkRun): Program | undefined {
    return run.probes.gradientNorm ? this.#programOf(run, 1) : undefined;
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

  give(run: AcceptedNetworkRun, { memory, gradient, best }: RunPlace): void {
    if (best) this.#memory.give(best);
    for (const room of [memory, ...(gradient ? [gradient.memory] : [])]) {
      this.#memory.give(room);
      this.#words -= room.words;
    }
    for (const data of [run.data, ...(run.evaluation?.sections ?? []).map((section) => section.data)]) {
      const placed = this.#placed.get(data);
      if (!placed || --placed.runs > 0) continue;
      this.#data.give(placed.room);
      this.#placed.delete(data);
    }
  }

  destroy(): void {
    this.#memory.destroy();
    this.#data.destroy();
  }
}

/** Words that a run takes, with the initial weights where a probe asks how far they moved. */
const wordsOf = ({ probes }: AcceptedNetworkRun, { places }: Program): number =>
  places.words + (probes.distance ? places.parameters : 0);
