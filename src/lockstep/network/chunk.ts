/**
 * Carries out a chunk of steps: fills the kernel's buffers for the runs that train and for evaluations that are due, dispatches,
 * and reads the results. The trainer chooses the runs and decides what follows from the results.
 */
import { POSITION, RESULT, STAGE, type Stage } from '../../../shaders/network/chunk.wgsl.js';
import type { Schedule } from '../../../shaders/network/step.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import type { NetworkBuffers, NetworkKernel, NetworkKernels } from '../../kernels/network/kernel.js';
import type { Walk } from '../../kernels/network/stage-groups.js';
import { type Program, trainingFlops } from '../../network/program.js';
import { copyWords } from '../copy-words.js';
import { addBatches, batchesIn, gradientLooksOf, type Look, looksOf, memoryOf, positionOf } from './looks.js';
import { evaluationWork } from './pacer.js';
import type { ProbeSums } from './probe-sums.js';
import type { NetworkProbed } from './probes.js';
import type { NetworkProgress } from './progress.js';
import { StepTable } from './step-table.js';

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
  data: readonly GPUBuffer[];
  kernel: NetworkKernel;
}

export class Chunks {
  readonly #device: Device;
  readonly #kernels: NetworkKernels;
  readonly #probes: ProbeSums;
  readonly #buffers = new Map<keyof NetworkBuffers, GPUBuffer>();
  /** For each program the index of its first stage: for training, for evaluation. */
  readonly #stages = new Map<Program, [number, number]>();
  readonly #allStages: Stage[] = [];

  constructor(device: Device, kernels: NetworkKernels, probes: ProbeSums) {
    this.#device = device;
    this.#kernels = kernels;
    this.#probes = probes;
  }

  /**
   * Trains each run for `steps` steps, then evaluates the runs for which that is due.
   *
   * @param schedule A kernel of this schedule was made for each of them.
   * @param mostWork Evaluations are cut into submits of about this work.
   */
  async run(
    runs: readonly NetworkProgress[],
    steps: number,
    schedule: Schedule,
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
    const looksInTurn = runs.map((run, k) => {
      // A batch of a gradient is the work of a step, three times that of another one.
      return due[k] ? [...looks[k].flat(), ...gradientLooksOf(run, Math.ceil(most / 3))] : [];
    });
    const table = new StepTable();
    const training = this.#training(runs, steps, schedule, table);
    const rounds = this.#rounds(looksInTurn, steps, schedule, table);
    const resultBytes = 4 * RESULT.words * table.entries;
    const examples = this.#probes.examples(transposed(looksInTurn));
    const positions = [...training, ...rounds.flat()].map(({ position }) => position);
    this.#write('positions', POSITION.array(positions));
    this.#write('steps', table.words);
    this.#writeStages();
    this.#room('results', resultBytes);
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
      this.#device.read(this.#buffers.get('results')!, 0, resultBytes, options),
      readWeights(options),
      readGradients(options),
      examples.read(options),
    ]);
    const results = table.ofBatches(RESULT.values(bytes));
    // The device computes 1 / (1 / counted), which need not be a whole number.
    for (const one of results) one.counted = Math.round(one.counted);
    let at = runs.length * steps;
    const evaluation = looks.map((sections, k) => {
      const ofSections = sections.map(([{ progress, section }]) => {
        const batches = batchesIn(progress, section);
        at += batches;
        return results.slice(at - batches, at);
      });
      for (const look of looksInTurn[k]) if (look.isOfGradient) at += look.batches;
      return ofSections;
    });
    const evaluated = looksInTurn.flat().reduce((sum, { progress, isOfGradient, batches, part }) => {
      const { program } = progress;
      const share = part === undefined ? batches : program.evaluationPart / program.evaluationBatch;
      return sum + share * (isOfGradient ? 3 : 1) * evaluationWork(program);
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

  #training(runs: readonly NetworkProgress[], steps: number, schedule: Schedule, table: StepTable): Part[] {
    const orders = new Uint32Array(runs.reduce((sum, run) => sum + wordsOfOrder(run, steps), 0));
    let order = 0;
    const parts = runs.map((progress) => {
      const firstStep = table.entries;
      progress.send(steps, orders, order, table);
      const position = {
        ...progress.constants,
        firstStage: this.#stages.get(progress.program)![0],
        stages: progress.program.training.length,
        firstStep,
        steps: table.entries - firstStep,
        ordered: Number(progress.data.data.sampler === undefined),
      };
      order += wordsOfOrder(progress, steps);
      const { buffers, data } = progress.data;
      const { buffer: memory } = progress.memory;
      const kernel = this.#kernels.of({ ...progress.kernel, sampler: data.sampler, schedule });
      return { progress, position, memory, data: buffers, kernel };
    });
    this.#write('order', orders);
    return byBuffers(parts);
  }

  /** The looks of each dispatch: the first one of each run, then the second, and so on. `looks` has a list for each run. */
  #rounds(
    looks: readonly (readonly Look[])[],
    steps: number,
    schedule: Schedule,
    table: StepTable,
  ): Part[][] {
    const rounds: Part[][] = [];
    for (const inTurn of looks) {
      inTurn.forEach((look, k) => {
        const { progress, placed } = look;
        const first = table.entries;
        addBatches(look, table, progress.done + steps);
        const position = positionOf(look, (of) => this.#stages.get(of)!, first, table.entries - first);
        // A dataset can be read by any kernel: this takes the one that the run is trained with.
        const sampler = placed.data.sampler ?? progress.data.data.sampler;
        const kernel = this.#kernels.of({ ...progress.kernel, sampler, schedule });
        rounds[k] ??= [];
        const memory = memoryOf(look).buffer;
        rounds[k].push({ progress, position, memory, data: placed.buffers, kernel });
      });
    }
    return rounds.map(byBuffers);
  }

  #dispatch(parts: readonly Part[], first: number, kind: 'training' | 'evaluation'): void {
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    for (let from = 0; from < parts.length; ) {
      const { data, memory, kernel } = parts[from];
      let to = from + 1;
      const fits = (part: Part) =>
        part.data[0] === data[0] && part.memory === memory && part.kernel === kernel;
      while (to < parts.length && to - from < most && fits(parts[to])) to++;
      const some = parts.slice(from, to);
      const steps = some.reduce((sum, { position }) => sum + position.steps, 0);
      kernel.train(Object.fromEntries(this.#buffers) as unknown as NetworkBuffers, {
        first: first + from,
        count: to - from,
        data,
        memory,
        walks: this.#walksOf(some),
        steps: Math.max(...some.map(({ position }) => position.steps)),
        cost: costOf(some, kind),
        shapes: `${kind} of ${to - from} runs, ${steps} steps`,
      });
      from = to;
    }
  }

  /** The stages that runs go through, each list once. */
  #walksOf(parts: readonly Part[]): Walk[] {
    const walks = new Map<number, Walk>();
    for (const { position, progress } of parts) {
      const { firstStage: first, stages } = position;
      const { part, evaluationPart } = progress.program;
      const examples = Math.max(part, evaluationPart);
      const known = walks.get(first)?.examples ?? 0;
      if (known >= examples) continue;
      walks.set(first, { stages: this.#allStages.slice(first, first + stages), examples });
    }
    return [...walks.values()];
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
    const ahead = Math.min(2 * (kept?.size ?? 512), this.#device.limits.maxStorageBufferBindingSize);
    const size = name === 'stages' ? bytes : Math.max(bytes, ahead);
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
    const key = [part.kernel, part.memory, part.data[0]].map(numberOf).join();
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
    const { network, part, evaluationPart, places } = progress.program;
    flops +=
      position.steps *
      (kind === 'training' ? trainingFlops(network, part) : trainingFlops(network, evaluationPart) / 3);
    const copies = places.state / places.parameters;
    bytes += 4 * position.steps * network.parameters * (kind === 'training' ? 2 * copies : 1);
  }
  return { flops, bytes };
}
