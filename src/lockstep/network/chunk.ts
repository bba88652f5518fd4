/**
 * Carries out a chunk of steps: fills the kernel's buffers for the runs that train and for the looks at them that are due,
 * dispatches, and reads the results. The trainer chooses the runs and decides what follows from the results.
 */
import { POSITION, RESULT, STAGE, type Stage } from '../../../shaders/network/chunk.wgsl.js';
import type { Schedule } from '../../../shaders/network/step.wgsl.js';
import type { Device } from '../../gpu/device.js';
import { BufferUsage } from '../../gpu/usage.js';
import type { NetworkBuffers, NetworkKernels } from '../../kernels/network/kernel.js';
import type { Walk } from '../../kernels/network/stage-work.js';
import type { Program } from '../../network/program.js';
import { copyWords } from '../copy-words.js';
import {
  addBatches,
  batchOf,
  type Look,
  memoryOf,
  type PlacedSection,
  positionOf,
  sectionsOf,
} from './looks.js';
import { byBuffers, costOf, type Part } from './parts.js';
import { averaged, differentiated, inRounds, looksInTurn, resultsOf, workOfLooks } from './passes.js';
import type { LookSums, ProbeSums } from './probe-sums.js';
import { type NetworkProbed, probesWeights } from './probes.js';
import type { NetworkProgress } from './progress.js';
import { orderWords, StepTable } from './step-table.js';

const USAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** The result of a step, as the kernel writes it. */
type StepResult = Record<keyof typeof RESULT.at, number>;

/** What an evaluation of a run gave: a list of batches for each section, and what the probes found. */
export interface Evaluated {
  results: StepResult[][];
  probes: NetworkProbed | undefined;
}

/** The results of a chunk, with an entry for each run, in the order of the runs. */
export interface ChunkResults {
  /** One for each step. */
  training: StepResult[][];
  /** The work of the looks. */
  looked: number;
  /** What the probes found where a window closed. */
  windows: (NetworkProbed | undefined)[];
  /** Undefined where none was due. */
  evaluations: (Evaluated | undefined)[];
}

/** How a chunk is carried out, and the table that is made of it. */
interface Settings {
  readonly steps: number;
  readonly schedule: Schedule;
  readonly mostWork: number;
  readonly table: StepTable;
}

/** Looks at some runs: at the batches with which windows close, or at the sets of evaluations. */
interface Pass {
  /** The looks of each run, one after the other. */
  looks: Look[][];
  /** The first look of each run, then the second, and so on. */
  rounds: Part[][];
  /** How many batches are before them in the table. */
  firstBatch: number;
  sums: LookSums;
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
   * Trains each run for `steps` steps, then looks at the runs for which that is due. With 0 steps it evaluates each.
   *
   * @param schedule A kernel of this schedule was made for each of them.
   * @param mostWork Looks are cut into submits of about this work.
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
    const table = new StepTable();
    const of = { steps, schedule, mostWork, table };
    const { training, order, firstRows } = this.#training(runs, of);
    const ends = runs.map((run) => run.done + steps);
    const closes = runs.map((run, k) => steps > 0 && run.probesAt(ends[k]));
    const windows = this.#pass(runs, of, (run, k) =>
      closes[k] ? [batchOf(run, order, firstRows[k] + (steps - 1) * orderWords(run.run), ends[k] - 1)] : [],
    );
    const evaluations = this.#pass(runs, of, (run, k) =>
      steps === 0 || run.evaluatesAt(ends[k]) ? sectionsOf(run) : [],
    );
    const rounds = [...windows.rounds, ...evaluations.rounds];
    const resultBytes = 4 * RESULT.words * table.entries;
    this.#write('positions', POSITION.array([...training, ...rounds.flat()].map(({ position }) => position)));
    this.#write('steps', table.words);
    this.#writeStages();
    this.#room('results', resultBytes);
    this.#dispatch(training, 0, 'training');
    const next = this.#carryOut(windows, training.length, mostWork);
    this.#carryOut(evaluations, next, mostWork);
    const weighed = runs.filter((run, k) => probesWeights(run.run.probes) && closes[k]);
    const readWeights = this.#probes.weights(weighed);
    const [bytes, ofWeights, ofWindows, ofEvaluations] = await Promise.all([
      this.#device.read(this.#buffers.get('results')!, 0, resultBytes, options),
      readWeights(options),
      windows.sums.read(options),
      evaluations.sums.read(options),
    ]);
    const results = table.ofBatches(RESULT.values(bytes));
    // The device computes 1 / (1 / counted), which need not be a whole number.
    for (const one of results) one.counted = Math.round(one.counted);
    const trained = runs.map((_, k) => results.slice(k * steps, (k + 1) * steps));
    const ofSets = resultsOf(evaluations.looks, results.slice(evaluations.firstBatch));
    return {
      looked: [windows, evaluations].reduce((sum, { looks }) => sum + workOfLooks(looks.flat()), 0),
      training: trained,
      windows: runs.map((run, k) => {
        const ofBatch = averaged(ofWindows.get(run), windows.looks[k], trained[k].slice(-1));
        const found = { ...ofWeights[weighed.indexOf(run)], ...ofBatch };
        return Object.keys(found).length > 0 ? found : undefined;
      }),
      evaluations: runs.map((run, k) => {
        const of = ofSets[k];
        if (!of) return undefined;
        const batches = of.filter((_, n) => run.run.evaluation!.sections[n].isOfSet).flat();
        return { results: of, probes: averaged(ofEvaluations.get(run), evaluations.looks[k], batches) };
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

  /** The positions of the steps; their order, and where that of each run begins. */
  #training(runs: readonly NetworkProgress[], { steps, schedule, table }: Settings) {
    const order = new Uint32Array(runs.reduce((sum, { run }) => sum + steps * orderWords(run), 0));
    const firstRows: number[] = [];
    let next = 0;
    const parts = runs.map((progress): Part => {
      const firstStep = table.entries;
      firstRows.push(next);
      progress.send(steps, order, next, table);
      const position = {
        ...progress.constants,
        firstStage: this.#stages.get(progress.program)![0],
        stages: progress.program.training.length,
        firstStep,
        steps: table.entries - firstStep,
        ordered: Number(progress.data.data.sampler === undefined),
      };
      next += steps * orderWords(progress.run);
      const { buffers, data } = progress.data;
      const { buffer: memory } = progress.memory;
      const kernel = this.#kernels.of({ ...progress.kernel, sampler: data.sampler, schedule });
      return { progress, position, memory, data: buffers, kernel };
    });
    this.#write('order', order);
    return { training: byBuffers(parts), order, firstRows };
  }

  /** Looks at sections of the runs, none where nothing is due. */
  #pass(
    runs: readonly NetworkProgress[],
    of: Settings,
    dueOf: (run: NetworkProgress, k: number) => readonly PlacedSection[],
  ): Pass {
    const looks = looksInTurn(runs, runs.map(dueOf), of.mostWork);
    const firstBatch = of.table.batches;
    const rounds = this.#rounds(looks, of);
    return { looks, rounds, firstBatch, sums: this.#probes.looks(inRounds(looks)) };
  }

  /** The looks of each dispatch. `looks` has a list for each run. */
  #rounds(looks: readonly (readonly Look[])[], { steps, schedule, table }: Settings): Part[][] {
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

  /** Records the looks of a pass, whose positions begin at `first`. Returns where they end. */
  #carryOut({ looks, rounds, sums }: Pass, first: number, mostWork: number): number {
    for (const { memory, gradient, program } of differentiated(looks)) {
      copyWords(this.#device, memory, gradient!.memory, program.places.parameters);
    }
    let next = first;
    for (const [k, round] of rounds.entries()) {
      this.#dispatch(round, next, 'evaluation');
      sums.record(k);
      if (Number.isFinite(mostWork)) this.#device.commands.flush();
      next += round.length;
    }
    return next;
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
      kernel.train(Object.fromEntries(this.#buffers) as unknown as NetworkBuffers, {
        first: first + from,
        count: to - from,
        data,
        memory,
        walks: () => this.#walksOf(some, kind === 'training' ? 'part' : 'evaluationPart'),
        steps: Math.max(...some.map(({ position }) => position.steps)),
        note: () => {
          const steps = some.reduce((sum, { position }) => sum + position.steps, 0);
          return { ...costOf(some, kind), shapes: `${kind} of ${some.length} runs, ${steps} steps` };
        },
      });
      from = to;
    }
  }

  /** The stages that runs go through, each list once; `part` says how many examples at once. */
  #walksOf(parts: readonly Part[], part: 'part' | 'evaluationPart'): Walk[] {
    const walks = new Map<number, Walk>();
    for (const { position, progress } of parts) {
      const { firstStage: first, stages } = position;
      const known = walks.get(first);
      walks.set(first, {
        stages: known?.stages ?? this.#allStages.slice(first, first + stages),
        examples: Math.max(progress.program[part], known?.examples ?? 0),
        runs: (known?.runs ?? 0) + 1,
      });
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
