/**
 * Has the device add up the numbers that probes need, for many runs at once: which numbers, in which buffers, and what comes back.
 * probes.ts says what the sums mean.
 */
import { NONE, STAGE_KINDS } from '../../../shaders/network/chunk.wgsl.js';
import { COLUMN_SUMS } from '../../../shaders/network/probes.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { type Batch, type Parity, ProbeKernel, type Strip, stripsOf } from '../../kernels/network/probes.js';
import type { Network } from '../../network/network.js';
import type { Program } from '../../network/program.js';
import { pitchOf } from '../../network/weights.js';
import { countOf, type Look } from './looks.js';
import { differentiated } from './passes.js';
import type { Room } from './pools.js';
import {
  type NetworkProbed,
  normsOf,
  type Probes,
  probedExamples,
  probedWeights,
  probesWeights,
  type Sum,
} from './probes.js';
import type { NetworkProgress } from './progress.js';
import { type Placed, Sums, type WaitOptions } from './rounds.js';

/** Sums over the examples of looks, added up round by round. */
export interface LookSums {
  /** Records the sums of the k-th round, whose batches must be in the runs' memory. */
  record(k: number): void;
  /** Reads the sums, and returns what the probes of each run found. */
  read(options: WaitOptions): Promise<Map<NetworkProgress, NetworkProbed>>;
}

export class ProbeSums {
  readonly #device: Device;
  #columns: ProbeKernel<Strip> | undefined;
  #parities: ProbeKernel<Parity> | undefined;
  /** By the caller's WGSL. */
  readonly #functions = new Map<string, ProbeKernel<Batch>>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** Compiles the kernels that a run needs, unless they are there. */
  async make(probes: Probes): Promise<void> {
    if (probesWeights(probes) || probes.activeUnits || probes.gradientNorm) {
      this.#columns ??= await ProbeKernel.columns(this.#device);
    }
    if (probes.parities.length > 0) this.#parities ??= await ProbeKernel.parities(this.#device);
    for (const { wgsl } of probes.own) {
      if (this.#functions.has(wgsl)) continue;
      this.#functions.set(wgsl, await ProbeKernel.functions(this.#device, wgsl));
    }
  }

  /**
   * Records sums over the weights of runs, as they are after everything recorded so far.
   *
   * @returns A function that reads what the probes of each run found.
   */
  weights(runs: readonly NetworkProgress[]): (options: WaitOptions) => Promise<NetworkProbed[]> {
    return this.#parameters(
      runs,
      ({ memory, initial }) => ({ memory, at: memory.at, origin: initial }),
      ({ run }, sums) => probedWeights(run.network, run.probes, sums),
    );
  }

  /**
   * Sums over the examples of some looks, and of the gradients that they add up.
   *
   * @param rounds In one round, a run has at most one look.
   */
  looks(rounds: readonly (readonly Look[])[]): LookSums {
    const examples = this.#examples(rounds);
    const runs = differentiated(rounds);
    let readGradients: ReturnType<ProbeSums['weights']> = async () => [];
    return {
      record: (k) => {
        examples.record(k);
        if (k === rounds.length - 1) readGradients = this.#gradients(runs);
      },
      read: async (options) => {
        const [found, gradients] = await Promise.all([examples.read(options), readGradients(options)]);
        runs.forEach((run, k) => {
          found.set(run, { ...found.get(run), ...gradients[k] });
        });
        return found;
      },
    };
  }

  /** Records the same sums over the gradients that looks have added up. */
  #gradients(runs: readonly NetworkProgress[]): (options: WaitOptions) => Promise<NetworkProbed[]> {
    return this.#parameters(
      runs,
      ({ gradient }) => {
        const { memory, program } = gradient!;
        return { memory, at: memory.at + program.places.first, origin: undefined };
      },
      ({ run }, sums) => ({ gradientNorm: normsOf(run.network, sums) }),
    );
  }

  /** Records sums over numbers that lie as the parameters of their run do. */
  #parameters(
    runs: readonly NetworkProgress[],
    placeOf: (run: NetworkProgress) => { memory: Room; at: number; origin: number | undefined },
    found: (run: NetworkProgress, sums: readonly Sum[]) => NetworkProbed,
  ): (options: WaitOptions) => Promise<NetworkProbed[]> {
    const columns = runs.map(({ run }) => {
      return run.network.layers.reduce((sum, { units, bias }) => sum + units * (1 + Number(bias)), 0);
    });
    const places = placesOf(columns);
    const strips = runs.flatMap((run, k) => {
      const { memory, at, origin } = placeOf(run);
      return parameterStrips(run.run.network, at, origin, places[k]).map((task) => {
        return { memory: memory.buffer, task };
      });
    });
    const sums = new Sums(this.#device, this.#columns, [strips], places[runs.length] * COLUMN_SUMS.words);
    sums.record(0);
    return async (options) => {
      const all = COLUMN_SUMS.values(await sums.read(options));
      return runs.map((run, k) => found(run, all.slice(places[k], places[k + 1])));
    };
  }

  #examples(rounds: readonly (readonly Look[])[]): LookSums {
    const probed = rounds.map((looks) => looks.filter(({ isProbed }) => isProbed));
    const counts = new Map<NetworkProgress, number>();
    for (const look of probed.flat()) {
      counts.set(look.progress, (counts.get(look.progress) ?? 0) + countOf(look));
    }
    const runs = [...counts.keys()];
    const ofUnits = placesOf(runs.map((run) => (run.run.probes.activeUnits ? hiddenUnits(run.program) : 0)));
    const ofParities = placesOf(runs.map(({ run }) => run.probes.parities.length * run.network.outputs));
    const ofMembers = placesOf(runs.map(({ run }) => run.probes.parities.flat().length));
    const numbers = numbersOf(runs);
    const at = (places: readonly number[], { progress }: Look) => places[numbers.get(progress)!];
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
    const functions = this.#functionSums(probed, runs);
    return {
      record: (k) => {
        for (const sums of [units, parities, ...functions.values()]) sums.record(k);
      },
      read: async (options) => {
        const [u, p] = await Promise.all([units.read(options), parities.read(options)]);
        const means = new Map<string, Float32Array>();
        for (const [wgsl, sums] of functions) means.set(wgsl, new Float32Array(await sums.read(options)));
        const above = COLUMN_SUMS.values(u).map((one) => one.above);
        const products = [...new Float32Array(p)];
        return new Map(
          runs.map((run, k) => {
            const own = (all: readonly number[], places: readonly number[]) =>
              all.slice(places[k], places[k + 1]);
            const { network, probes } = run.run;
            const ownSums = probes.own.map(({ name, wgsl }) => [name, means.get(wgsl)![k]] as const);
            const [units, parities] = [own(above, ofUnits), own(products, ofParities)];
            return [run, probedExamples(network, probes, counts.get(run)!, units, parities, ownSums)];
          }),
        );
      },
    };
  }

  /** For each function that callers wrote, its sums: one for each run, also for those that do not ask for it. */
  #functionSums(
    rounds: readonly (readonly Look[])[],
    runs: readonly NetworkProgress[],
  ): Map<string, Sums<Batch>> {
    const places = placesOf(runs.map(({ run }) => 2 * run.network.layers.length));
    const layers = runs.flatMap(({ memory, program }) =>
      layersOf(program).flatMap(({ c, columns }) => [memory.at + c, pitchOf(columns)]),
    );
    const numbers = numbersOf(runs);
    const texts = new Set(runs.flatMap(({ run }) => run.probes.own.map(({ wgsl }) => wgsl)));
    return new Map(
      [...texts].map((text) => {
        const batches = rounds.map((looks) =>
          looks
            .filter(({ progress }) => progress.run.probes.own.some(({ wgsl }) => wgsl === text))
            .map((look) => {
              const k = numbers.get(look.progress)!;
              return { memory: look.progress.memory.buffer, task: batchOf(look, places[k], k) };
            }),
        );
        const kernel = this.#functions.get(text);
        return [text, new Sums(this.#device, kernel, batches, runs.length, Uint32Array.from(layers))];
      }),
    );
  }
}

/** The place of each run in a list. */
const numbersOf = (runs: readonly NetworkProgress[]): Map<NetworkProgress, number> =>
  new Map(runs.map((run, k) => [run, k]));

/** Where each of several stretches of these lengths begins, if they lie one after the other; at the end, where the last one ends. */
function placesOf(lengths: readonly number[]): number[] {
  const places = [0];
  for (const length of lengths) places.push(places[places.length - 1] + length);
  return places;
}

/** The strips of numbers that lie as weights and biases do (src/network/weights.ts), with the origin of their distance if there is one. */
function parameterStrips(network: Network, first: number, origin: number | undefined, to: number): Strip[] {
  let at = 0;
  let sums = to;
  const next = (rows: number, columns: number): Strip[] => {
    const begin = origin === undefined ? NONE : origin + at;
    const strips = stripsOf({ at: first + at, origin: begin, rows, columns, to: sums, adds: 0 });
    at += rows * pitchOf(columns);
    sums += columns;
    return strips;
  };
  return network.layers.flatMap(({ inputs, units, bias }) => [
    ...next(inputs, units),
    ...(bias ? next(1, units) : []),
  ]);
}

/** The stages that compute layers: after a look, their `c` is where the layer's outputs are. */
const layersOf = ({ evaluation }: Program) => evaluation.filter(({ kind }) => kind === STAGE_KINDS.forward);

/** The stage after which its `c` is where the examples' inputs are, and its `below` where their targets are. */
const gatherOf = ({ evaluation }: Program) => evaluation.find(({ kind }) => kind === STAGE_KINDS.gather)!;

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
        ...{ at: memory.at + c, origin: NONE, rows: countOf(look), columns },
        ...{ to: sums, adds: Number(!look.isFirst) },
      });
      sums += columns;
      return strips.map((task) => ({ memory: memory.buffer, task }));
    });
}

/** The tasks for all parities with all outputs. */
function paritiesOf(look: Look, to: number, firstMember: number): Placed<Parity>[] {
  const { memory, program, run } = look.progress;
  const gather = gatherOf(program);
  const last = layersOf(program)[program.network.layers.length - 1];
  let first = firstMember;
  return run.probes.parities.flatMap((members, k) => {
    const parities = Array.from({ length: last.columns }, (_, output) => ({
      memory: memory.buffer,
      task: {
        ...{ at: memory.at + last.c + output, pitch: pitchOf(last.columns) },
        ...{ inputs: memory.at + gather.c, inputsPitch: pitchOf(gather.columns), rows: countOf(look) },
        ...{ first, count: members.length, to: to + k * last.columns + output, adds: Number(!look.isFirst) },
      },
    }));
    first += members.length;
    return parities;
  });
}

/** @param outputs Where the places of its layers begin. */
function batchOf(look: Look, outputs: number, to: number): Batch {
  const { memory, program } = look.progress;
  const gather = gatherOf(program);
  return {
    ...{ inputs: memory.at + gather.c, inputsPitch: pitchOf(gather.columns) },
    ...{ targets: memory.at + gather.below, targetsPitch: pitchOf(program.targetWidth) },
    ...{ outputs, layers: program.network.layers.length, rows: countOf(look) },
    ...{ to, adds: Number(!look.isFirst) },
  };
}
