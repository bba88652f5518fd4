/**
 * Carries out a chunk of steps: fills the kernel's buffers for the runs that train and for evaluations that are due, dispatches,
 * and reads the results. The trainer chooses the runs and decides what follows from the results.
 */
import { NONE, POSITION, RESULT, STAGE, STEP } from '../../../shaders/network/chunk.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import type { NetworkBuffers, NetworkKernel, NetworkKernels } from '../../kernels/network/kernel.js';
import { type Program, trainingFlops } from '../../network/program.js';
import { gradientLooksOf, type Look, looksOf, memoryOf, positionOf, stepsOf } from './looks.js';
import { evaluationWork, workOf } from './pacer.js';
import { copyWords } from './pools.js';
import type { ProbeSums } from './probe-sums.js';
import type { NetworkProbed } from './probes.js';
import type { NetworkProgress } from './progress.js';

const USAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** The result of a step, as the kernel writes it. */
type StepResult = Record<keyof typeof RESULT.at, number>;

/** The results of a chunk, with an entry for each run, in the order of the runs. */
export interface ChunkResults {
  /** One for each step. */
  training: StepResult[][];
  /** The work of the evaluations. */
  evaluated: number;
  /** A list of batches for each section of the evaluation; undefined where none was due. */
  evaluation: (StepResult[][] | undefined)[];
  /** What the probes found: of the weights where a window closed, of the examples where there was an evaluation. */
  weights: (NetworkProbed | undefined)[];
  examples: (NetworkProbed | undefined)[];
}

type Position = Parameters<typeof POSITION.array>[0][number];

/** A position of a dispatch, the run that it is for, and what it is bound to. */
interface Part {
  progress: NetworkProgress;
  position: Position;
  memory: GPUBuffer;
  data: GPUBuffer;
  kernel: NetworkKernel;
}

export class Chunks {
  readonly #device: Device;
  readonly #kernels: NetworkKernels;
  readonly #probes: ProbeSums;
  readonly #buffers = new Map<keyof NetworkBuffers, GPUBuffer>();
  /** For each program the index of its first stage: for training, for evaluation. */
  readonly #stages = new Map<Program, [number, number]>();
  readonly #allStages: Parameters<typeof STAGE.array>[0][number][] = [];

  constructor(device: Device, kernels: NetworkKernels, probes: ProbeSums) {
    this.#device = device;
    this.#kernels = kernels;
    this.#probes = probes;
  }

  /**
   * Trains each run for `steps` steps, then evaluates the runs for which that is due.
   *
   * @param mostWork Evaluations are cut into submits of about this work.
   */
  async run(
    runs: readonly NetworkProgress[],
    steps: number,
    mostWork: number,
    options: { expectedMs: number; submitted: number },
  ): Promise<ChunkResults> {
    for (const { program, gradient } of runs) {
      this.#learn(program);
      if (gradient) this.#learn(gradient.program);
    }
    const due = runs.map((run) => run.evaluatesAt(run.done + steps));
    const aRound = runs.reduce((sum, { program }, k) => sum + (due[k] ? evaluationWork(program) : 0), 0);
    const most = Math.max(1, Math.floor(mostWork / aRound));
    const looks = runs.map((run, k) => (due[k] ? looksOf(run, most) : []));
    const trained = runs.length * steps;
    const looksInTurn = runs.map((run, k) => {
      // A batch of a gradient is the work of a step, three times that of another one.
      return due[k] ? [...looks[k].flat(), ...gradientLooksOf(run, Math.ceil(most / 3))] : [];
    });
    const all = looksInTurn.flat().reduce((sum, look) => sum + look.steps, trained);
    const table = new ArrayBuffer(4 * STEP.words * all);
    const training = this.#training(runs, steps, table);
    const rounds = this.#rounds(looksInTurn, steps, trained, table);
    const examples = this.#probes.examples(transposed(looksInTurn));
    const positions = [...training, ...rounds.flat()].map(({ position }) => position);
    this.#write('positions', POSITION.array(positions));
    this.#write('steps', new Uint32Array(table));
    this.#writeStages();
    this.#room('results', 4 * RESULT.words * all);
    this.#dispatch(training, 0, 'training');
    const differentiated = runs.filter((run, k) => looks[k].length > 0 && run.gradient !== undefined);
    for (const { memory, gradient, program } of differentiated) {
      copyWords(this.#device, memory, gradient!.memory, program.places.parameters);
    }
    let first = training.length;
    for (const [k, round] of rounds.entries()) {
      this.#dispatch(round, first, 'evaluation');
      examples.record(k);
      if (Number.isFinite(mostWork)) this.#device.commands.flush();
      first += round.length;
    }
    const weighed = runs.filter((run) => run.probesWeightsAt(run.done + steps));
    const readWeights = this.#probes.weights(weighed);
    const readGradients = this.#probes.gradients(differentiated);
    const [bytes, ofWeights, ofGradients, ofExamples] = await Promise.all([
      this.#device.read(this.#buffers.get('results')!, 0, 4 * RESULT.words * all, options),
      readWeights(options),
      readGradients(options),
      examples.read(options),
    ]);
    const results = RESULT.values(bytes);
    // The device computes 1 / (1 / counted), which need not be a whole number.
    for (const one of results) one.counted = Math.round(one.counted);
    let at = trained;
    const evaluation = looks.map((sections, k) => {
      const ofSections = sections.map((batches) =>
        batches.flatMap((look) => {
          at += look.steps;
          return results.slice(at - look.steps, at);
        }),
      );
      at += looksInTurn[k].reduce((sum, { isOfGradient, steps: more }) => sum + (isOfGradient ? more : 0), 0);
      return ofSections;
    });
    const evaluated = looksInTurn
      .flat()
      .reduce((sum, { progress: { program }, isOfGradient, steps: batches }) => {
        return sum + batches * (isOfGradient ? workOf(program) : evaluationWork(program));
      }, 0);
    return {
      evaluated,
      training: runs.map((_, k) => results.slice(k * steps, (k + 1) * steps)),
      evaluation: evaluation.map((sections) => (sections.length > 0 ? sections : undefined)),
      weights: runs.map((run) => ofWeights[weighed.indexOf(run)]),
      examples: runs.map((run) => {
        const found = { ...ofExamples.get(run), ...ofGradients[differentiated.indexOf(run)] };
        return Object.keys(found).length > 0 ? found : undefined;
      }),
    };
  }

  destroy(): void {
    for (const buffer of this.#buffers.values()) this.#device.free(buffer);
    this.#buffers.clear();
  }

  #learn(program: Program): void {
    if (this.#stages.has(program)) return;
    const first = this.#allStages.length;
    this.#stages.set(program, [first, first + program.training.length]);
    this.#allStages.push(...program.training, ...program.evaluation);
  }

  #training(runs: readonly NetworkProgress[], steps: number, table: ArrayBuffer): Part[] {
    const orders = new Uint32Array(runs.reduce((sum, run) => sum + wordsOfOrder(run, steps), 0));
    let order = 0;
    const parts = runs.map((progress, k) => {
      progress.send(steps, orders, order, table, k * steps);
      const position = {
        ...progress.constants,
        firstStage: this.#stages.get(progress.program)![0],
        stages: progress.program.training.length,
        firstStep: k * steps,
        steps,
        order: progress.data.data.sampler === undefined ? order : NONE,
        firstRow: 0,
      };
      order += wordsOfOrder(progress, steps);
      const { room, data } = progress.data;
      const { buffer: memory } = progress.memory;
      return { progress, position, memory, data: room.buffer, kernel: this.#kernels.of(data.sampler) };
    });
    this.#write('order', orders);
    return byBuffers(parts);
  }

  /**
   * The looks of each dispatch: the first one of each run, then the second, and so on. `looks` has a list for each run.
   *
   * @param firstStep Where their steps begin, in the order of `looks`.
   */
  #rounds(
    looks: readonly (readonly Look[])[],
    steps: number,
    firstStep: number,
    table: ArrayBuffer,
  ): Part[][] {
    const rounds: Part[][] = [];
    let first = firstStep;
    for (const inTurn of looks) {
      inTurn.forEach((look, k) => {
        const { progress, placed } = look;
        new Uint32Array(table).set(STEP.array(stepsOf(look)), first * STEP.words);
        const position = positionOf(look, (of) => this.#stages.get(of)!, first, progress.done + steps);
        first += look.steps;
        // A dataset can be read by any kernel: this takes the one that the run is trained with.
        const kernel = this.#kernels.of(placed.data.sampler ?? progress.data.data.sampler);
        rounds[k] ??= [];
        const memory = memoryOf(look).buffer;
        rounds[k].push({ progress, position, memory, data: placed.room.buffer, kernel });
      });
    }
    return rounds.map(byBuffers);
  }

  #dispatch(parts: readonly Part[], first: number, kind: 'training' | 'evaluation'): void {
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    for (let from = 0; from < parts.length; ) {
      const { data, memory, kernel } = parts[from];
      let to = from + 1;
      const fits = (part: Part) => part.data === data && part.memory === memory && part.kernel === kernel;
      while (to < parts.length && to - from < most && fits(parts[to])) to++;
      const some = parts.slice(from, to);
      const steps = some.reduce((sum, { position }) => sum + position.steps, 0);
      kernel.train(Object.fromEntries(this.#buffers) as unknown as NetworkBuffers, {
        first: first + from,
        count: to - from,
        data,
        memory,
        cost: costOf(some, kind),
        shapes: `${kind} of ${to - from} runs, ${steps} steps`,
      });
      from = to;
    }
  }

  /** Writes the stages if there are new ones: then the buffer, which always has their size, is too small. */
  #writeStages(): void {
    if (this.#buffers.get('stages')?.size === 4 * STAGE.words * this.#allStages.length) return;
    this.#write('stages', STAGE.array(this.#allStages));
  }

  /** The buffer of this name, with room for at least `bytes` bytes. */
  #room(name: keyof NetworkBuffers, bytes: number): GPUBuffer {
    const kept = this.#buffers.get(name);
    if (kept && kept.size >= bytes) return kept;
    if (kept) this.#device.free(kept);
    const size = name === 'stages' ? bytes : Math.max(bytes, 2 * (kept?.size ?? 0), 1024);
    const buffer = this.#device.allocate(`network ${name}`, size, USAGE);
    this.#buffers.set(name, buffer);
    return buffer;
  }

  #write(name: keyof NetworkBuffers, words: Uint32Array): void {
    this.#device.commands.write(this.#room(name, words.byteLength), 0, words);
  }
}

/** The first of each list, then the second of each that has one, and so on. */
function transposed<T>(lists: readonly (readonly T[])[]): T[][] {
  const length = lists.reduce((most, list) => Math.max(most, list.length), 0);
  return Array.from({ length }, (_, k) => lists.flatMap((list) => list.slice(k, k + 1)));
}

/** Words of the order of `steps` batches; none for a sampler. */
const wordsOfOrder = ({ run, data }: NetworkProgress, steps: number): number =>
  data.data.sampler === undefined ? steps * run.batchSize : 0;

/** Puts positions that share kernel and buffers next to each other, as one dispatch takes them together. */
function byBuffers(parts: readonly Part[]): Part[] {
  const numbers = new Map<object, number>();
  const numberOf = (one: object): number => {
    if (!numbers.has(one)) numbers.set(one, numbers.size);
    return numbers.get(one)!;
  };
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const key = [part.kernel, part.memory, part.data].map(numberOf).join();
    const group = groups.get(key);
    if (group) group.push(part);
    else groups.set(key, [part]);
  }
  return [...groups.values()].flat();
}

/** Counts the operations of the matrix products, and each parameter and moment as read and written once a step. */
function costOf(parts: readonly Part[], kind: 'training' | 'evaluation') {
  let flops = 0;
  let bytes = 0;
  for (const { progress, position } of parts) {
    const { network, batch, places } = progress.program;
    const share = kind === 'training' ? 1 : 1 / 3;
    flops += position.steps * share * trainingFlops(network, batch);
    const copies = places.state / places.parameters;
    bytes += 4 * position.steps * network.parameters * (kind === 'training' ? 2 * copies : 1);
  }
  return { flops, bytes };
}
