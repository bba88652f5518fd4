/**
 * Has the device add up the numbers that probes need, for many runs at once: which numbers, in which buffers, and what comes back.
 * probes.ts says what the sums mean.
 */
import { NONE, STAGE_KINDS } from '../../../shaders/network/chunk.wgsl.js';
import { COLUMN_SUMS } from '../../../shaders/network/probes.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { type Parity, ProbeKernel, type Strip, stripsOf } from '../../kernels/network/probes.js';
import type { Program } from '../../network/program.js';
import { pitchOf } from '../../network/weights.js';
import { countOf, type Look } from './looks.js';
import { type NetworkProbed, type Probes, probedExamples, probedWeights, probesWeights } from './probes.js';
import type { NetworkProgress } from './progress.js';

type WaitOptions = { expectedMs: number; submitted: number };

/** A task, and the buffer that has its network. */
interface Placed<Task> {
  memory: GPUBuffer;
  task: Task;
}

/** Sums over the examples of evaluations, added up round by round. */
interface ExampleSums {
  /** Records the sums of the k-th round, whose batches must be in the runs' memory. */
  record(k: number): void;
  /** Reads the sums, and returns what the probes of each run found. */
  read(options: WaitOptions): Promise<Map<NetworkProgress, NetworkProbed>>;
}

export class ProbeSums {
  readonly #device: Device;
  #columns: ProbeKernel<Strip> | undefined;
  #parities: ProbeKernel<Parity> | undefined;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Compiles the kernels that a run needs, unless they are there. */
  async make(probes: Probes): Promise<void> {
    if (probesWeights(probes) || probes.activeUnits) {
      this.#columns ??= await ProbeKernel.columns(this.#device);
    }
    if (probes.parities.length > 0) this.#parities ??= await ProbeKernel.parities(this.#device);
  }

  /**
   * Records sums over the weights of runs, as they are after everything recorded so far.
   *
   * @returns A function that reads what the probes of each run found.
   */
  weights(runs: readonly NetworkProgress[]): (options: WaitOptions) => Promise<NetworkProbed[]> {
    const columns = runs.map(({ run }) => {
      return run.network.layers.reduce((sum, { units, bias }) => sum + units * (1 + Number(bias)), 0);
    });
    const places = placesOf(columns);
    const strips = runs.flatMap((run, k) => weightStrips(run, places[k]));
    const sums = new Sums(this.#device, this.#columns, [strips], places[runs.length] * COLUMN_SUMS.words);
    sums.record(0);
    return async (options) => {
      const all = COLUMN_SUMS.values(await sums.read(options));
      return runs.map(({ run }, k) => {
        return probedWeights(run.network, run.probes, all.slice(places[k], places[k + 1]));
      });
    };
  }

  /** @param rounds The looks of the evaluations. In one round, a run has at most one. */
  examples(rounds: readonly (readonly Look[])[]): ExampleSums {
    const probed = rounds.map((looks) => looks.filter(({ isProbed }) => isProbed));
    const runs = [...new Set(probed.flat().map(({ progress }) => progress))];
    const ofUnits = placesOf(runs.map((run) => (run.run.probes.activeUnits ? hiddenUnits(run.program) : 0)));
    const ofParities = placesOf(runs.map(({ run }) => run.probes.parities.length * run.network.outputs));
    const ofMembers = placesOf(runs.map(({ run }) => run.probes.parities.flat().length));
    const at = (places: readonly number[], { progress }: Look) => places[runs.indexOf(progress)];
    const units = new Sums(
      this.#device,
      this.#columns,
      probed.map((looks) => looks.flatMap((look) => unitStrips(look, at(ofUnits, look)))),
      ofUnits[runs.length] * COLUMN_SUMS.words,
    );
    const parities = new Sums(
      this.#device,
      this.#parities,
      probed.map((looks) => {
        return looks.flatMap((look) => paritiesOf(look, at(ofParities, look), at(ofMembers, look)));
      }),
      ofParities[runs.length],
      Uint32Array.from(runs.flatMap(({ run }) => run.probes.parities.flat())),
    );
    return {
      record: (k) => {
        units.record(k);
        parities.record(k);
      },
      read: async (options) => {
        const [u, p] = await Promise.all([units.read(options), parities.read(options)]);
        const above = COLUMN_SUMS.values(u).map((one) => one.above);
        const products = [...new Float32Array(p)];
        return new Map(
          runs.map((run, k) => {
            const own = (all: readonly number[], places: readonly number[]) =>
              all.slice(places[k], places[k + 1]);
            const { network, probes, evaluation } = run.run;
            const counted = evaluation!.sections.reduce(
              (sum, one) => sum + (one.isOfSet ? one.examples : 0),
              0,
            );
            const [units, parities] = [own(above, ofUnits), own(products, ofParities)];
            return [run, probedExamples(network, probes, counted, units, parities)];
          }),
        );
      },
    };
  }
}

/** The tasks of one kernel, in rounds, and the sums that they add up. Without tasks it does nothing. */
class Sums<Task> {
  readonly #device: Device;
  readonly #kernel: ProbeKernel<Task> | undefined;
  readonly #tasks: readonly Task[];
  readonly #bytes: number;
  /** For each round and each buffer, where its tasks begin in the list of all, and where they end. */
  readonly #rounds: Map<GPUBuffer, [number, number]>[];
  readonly #buffers: GPUBuffer[] = [];

  /** @param other A further buffer's content, for a kernel that reads one. */
  constructor(
    device: Device,
    kernel: ProbeKernel<Task> | undefined,
    rounds: readonly (readonly Placed<Task>[])[],
    words: number,
    other?: Uint32Array<ArrayBuffer>,
  ) {
    this.#device = device;
    this.#kernel = kernel;
    this.#bytes = 4 * words;
    [this.#tasks, this.#rounds] = byMemory(rounds);
    if (this.#tasks.length === 0) return;
    for (const table of [kernel!.words(this.#tasks), ...(other ? [other] : [])]) {
      const buffer = device.pool.take(table.byteLength);
      device.commands.write(buffer, 0, table);
      this.#buffers.push(buffer);
    }
    this.#buffers.splice(1, 0, device.pool.take(this.#bytes));
  }

  record(k: number): void {
    const [tasks, sums, ...others] = this.#buffers;
    for (const [memory, range] of this.#rounds[k] ?? []) {
      this.#kernel!.add({ tasks, memory, sums, others }, this.#tasks, range);
    }
  }

  async read(options: WaitOptions): Promise<ArrayBuffer> {
    if (this.#buffers.length === 0) return new ArrayBuffer(0);
    const bytes = await this.#device.read(this.#buffers[1], 0, this.#bytes, options);
    for (const buffer of this.#buffers) this.#device.pool.give(buffer);
    return bytes;
  }
}

/** All tasks in one list, and for each round and each buffer where its tasks begin and end there. */
function byMemory<Task>(
  rounds: readonly (readonly Placed<Task>[])[],
): [Task[], Map<GPUBuffer, [number, number]>[]] {
  const tasks: Task[] = [];
  const ranges = rounds.map((round) => {
    const groups = new Map<GPUBuffer, Task[]>();
    for (const { memory, task } of round) {
      const group = groups.get(memory);
      if (group) group.push(task);
      else groups.set(memory, [task]);
    }
    const ofRound = new Map<GPUBuffer, [number, number]>();
    for (const [memory, group] of groups) {
      ofRound.set(memory, [tasks.length, tasks.length + group.length]);
      for (const task of group) tasks.push(task);
    }
    return ofRound;
  });
  return [tasks, ranges];
}

/** Where each of several stretches of these lengths begins, if they lie one after the other; at the end, where the last one ends. */
function placesOf(lengths: readonly number[]): number[] {
  const places = [0];
  for (const length of lengths) places.push(places[places.length - 1] + length);
  return places;
}

/** The strips of a run's weights and biases, laid out as src/network/weights.ts says, with the initial ones as origin if kept. */
function weightStrips({ run, memory, initial }: NetworkProgress, to: number): Placed<Strip>[] {
  let at = 0;
  let sums = to;
  const next = (rows: number, columns: number): Strip[] => {
    const origin = initial === undefined ? NONE : initial + at;
    const strips = stripsOf({ at: memory.at + at, origin, rows, columns, to: sums, adds: 0 });
    at += rows * pitchOf(columns);
    sums += columns;
    return strips;
  };
  const strips = run.network.layers.flatMap(({ inputs, units, bias }) => [
    ...next(inputs, units),
    ...(bias ? next(1, units) : []),
  ]);
  return strips.map((task) => ({ memory: memory.buffer, task }));
}

/** The stages that compute layers: after a look, their `c` is where the layer's outputs are. */
const layersOf = ({ evaluation }: Program) => evaluation.filter(({ kind }) => kind === STAGE_KINDS.forward);

const hiddenUnits = (program: Program): number =>
  layersOf(program)
    .slice(0, -1)
    .reduce((sum, { columns }) => sum + columns, 0);

/** The strips of the outputs of all layers but the last. */
function unitStrips(look: Look, to: number): Placed<Strip>[] {
  const { memory, program, run } = look.progress;
  if (!run.probes.activeUnits) return [];
  let sums = to;
  return layersOf(program)
    .slice(0, -1)
    .flatMap(({ c, columns }) => {
      const strips = stripsOf({
        ...{ at: memory.at + c, origin: NONE, rows: countOf(look, 0), columns },
        ...{ to: sums, adds: Number(!look.isFirst) },
      });
      sums += columns;
      return strips.map((task) => ({ memory: memory.buffer, task }));
    });
}

/** The tasks for all parities with all outputs. */
function paritiesOf(look: Look, to: number, firstMember: number): Placed<Parity>[] {
  const { memory, program, run } = look.progress;
  const [gather] = program.evaluation;
  const last = layersOf(program)[program.network.layers.length - 1];
  let first = firstMember;
  return run.probes.parities.flatMap((members, k) => {
    const parities = Array.from({ length: last.columns }, (_, output) => ({
      memory: memory.buffer,
      task: {
        ...{ at: memory.at + last.c + output, pitch: pitchOf(last.columns) },
        ...{ inputs: memory.at + gather.c, inputsPitch: pitchOf(gather.columns), rows: countOf(look, 0) },
        ...{ first, count: members.length, to: to + k * last.columns + output, adds: Number(!look.isFirst) },
      },
    }));
    first += members.length;
    return parities;
  });
}
