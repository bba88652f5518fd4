/**
 * The files of one shard in `--output-dir` while it trains: a checkpoint of all its evaluations, and at the end its result.
 * What is in them is said by checkpoint.ts and file.ts.
 */
import { LockstepError } from '../../platform/errors.js';
import type { Shard } from '../../platform/shard.js';
import { checkpointBytes } from '../checkpoint-file.js';
import type { Evaluation } from '../evaluate.js';
import type { Course, Evaluated, EvaluationFiles } from '../evaluation-files.js';
import type { EvaluationCheckpoint } from '../events.js';
import { KeptCheckpoint } from '../kept-checkpoint.js';
import { type FolderOptions, ResultFolder } from '../result-folder.js';
import type { Summary } from '../summary.js';
import {
  jobDifferences,
  type ShardCheckpoint,
  type ShardJob,
  type ShardPart,
  shardCheckpointOf,
} from './checkpoint.js';
import { type FinishedShard, finishedShardIn, finishedShardText, refuseShard, shardStem } from './file.js';

interface ShardOptions extends FolderOptions {
  /** Take up the checkpoint of an earlier process. */
  resume?: boolean;
}

export class ShardStore {
  readonly folder: ResultFolder;
  readonly #shard: Shard;
  readonly #jobs: readonly ShardJob[];
  readonly #checkpoint: KeptCheckpoint;
  readonly #resumes: boolean;
  #adapters: string[] = [];
  #parts: (ShardPart | undefined)[] = [];
  /** By evaluation: of the processes before this one. */
  #before: (Course | undefined)[] = [];
  #finished = 0;
  /** The result is there already. */
  isDone = false;

  private constructor(folder: ResultFolder, shard: Shard, jobs: readonly ShardJob[], resumes: boolean) {
    this.folder = folder;
    this.#shard = shard;
    this.#jobs = jobs;
    this.#resumes = resumes;
    this.#checkpoint = new KeptCheckpoint(folder, `${shardStem(shard)}.checkpoint`);
  }

  /**
   * Locks the shard's files and looks for what an earlier process has left.
   *
   * @throws LockstepError `bad-input` for a folder that cannot be used, a shard that another process works on, and files that
   * are damaged or of another evaluation.
   */
  static async open(
    path: string,
    shard: Shard,
    jobs: readonly ShardJob[],
    { resume = false, ...options }: ShardOptions,
  ): Promise<ShardStore> {
    const folder = await ResultFolder.open(path, [shardStem(shard)], options);
    const store = new ShardStore(folder, shard, jobs, resume);
    try {
      await store.#lookForResult();
      if (resume && !store.isDone) await store.#lookForCheckpoint();
      return store;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  /** The path of the result. */
  get path(): string {
    return this.folder.files.path(this.#name);
  }

  get #name(): string {
    return `${shardStem(this.#shard)}.json`;
  }

  async #lookForResult(): Promise<void> {
    const bytes = await this.folder.reading(() => this.folder.files.read(this.#name));
    if (!bytes) return;
    const { parts } = finishedShardIn(this.path, bytes.toString('utf8'), this.#shard);
    this.#checkJobs(
      this.path,
      parts.map(({ label, fingerprint }) => ({ label, ...fingerprint })),
    );
    this.isDone = true;
    await this.#checkpoint.end(); // of a process that ended between the two
  }

  async #lookForCheckpoint(): Promise<void> {
    const bytes = await this.folder.reading(() => this.#checkpoint.read());
    if (!bytes) return;
    const { jobs, adapters, parts } = shardCheckpointOf(this.#checkpoint.path, bytes);
    if (parts.length === 0) return; // nothing is lost if it was of another evaluation
    this.#checkJobs(this.#checkpoint.path, jobs);
    [this.#adapters, this.#parts] = [adapters, parts];
    this.#before = [...parts];
  }

  #checkJobs(path: string, jobs: readonly ShardJob[]): void {
    const different = jobDifferences(jobs, this.#jobs);
    if (different.length === 0) return;
    throw new LockstepError(
      'bad-input',
      `${path} is of another evaluation: ${different.join('; ')}. Give another --output-dir, or delete that file.`,
    );
  }

  /**
   * Begins the training. Until its first checkpoint, a file tells `status` what there is to do; it replaces no checkpoint from
   * which the user may still want to go on.
   *
   * @param adapter The one that trains from now on.
   */
  async begin(adapter: string): Promise<void> {
    if (!this.#adapters.includes(adapter)) this.#adapters.push(adapter);
    const isKept = this.#resumes ? this.#parts.length > 0 : await this.#checkpoint.isThere();
    if (!isKept) await this.#checkpoint.replace(this.#bytes());
  }

  /** The files of the command's evaluation number `job`. */
  of(job: number): EvaluationFiles {
    const before = this.#before[job];
    const part = (checkpoint: EvaluationCheckpoint, { seconds, lost }: Course): ShardPart => ({
      seconds: (before?.seconds ?? 0) + seconds,
      lost: [...(before?.lost ?? []), ...lost],
      checkpoint,
    });
    return {
      earlier: async (evaluation) => this.#earlier(evaluation, job),
      checkpoint: async (checkpoint, course) => {
        this.#parts[job] = part(checkpoint, course);
        await this.#checkpoint.replace(this.#bytes());
      },
      finish: async (evaluation, _, course) => this.#finish(job, evaluation, (all) => part(all, course)),
      interrupted: async (evaluation, summary) => this.#interrupted(job, evaluation, summary),
    };
  }

  #earlier(evaluation: Evaluation, job: number): undefined {
    const checkpoint = this.#parts[job]?.checkpoint;
    if (!checkpoint) return;
    try {
      evaluation.resume(checkpoint, this.#jobs[job].kernel);
    } catch (cause) {
      if (!(cause instanceof LockstepError)) throw cause;
      const reason = `cannot be used: ${cause.message.replace(/\.$/, '')}`;
      throw refuseShard(this.#checkpoint.path, reason, cause);
    }
  }

  #bytes(): Uint8Array {
    const now: ShardCheckpoint = { jobs: this.#jobs, adapters: this.#adapters, parts: this.#parts };
    return checkpointBytes(now);
  }

  /** Keeps what is finished: in the checkpoint while others are not, then in the result. */
  async #finish(
    job: number,
    evaluation: Evaluated,
    part: (all: EvaluationCheckpoint) => ShardPart,
  ): Promise<string[]> {
    this.#parts[job] = part(evaluation.snapshot()!);
    this.#finished++;
    if (this.#finished < this.#jobs.length) {
      await this.#checkpoint.replace(this.#bytes());
      return [];
    }
    this.#checkpoint.tellLost();
    try {
      await this.folder.files.write(this.#name, finishedShardText(this.#result()));
    } catch (error) {
      this.folder.addFailure(this.path, error);
      await this.#checkpoint.end(this.#bytes());
      return [];
    }
    await this.#checkpoint.end();
    return [this.path];
  }

  #result(): FinishedShard {
    const parts = this.#jobs.map(({ label }, job) => {
      const { seconds, lost, checkpoint } = this.#parts[job]!;
      const { fingerprint, kernels, datasets, results, windows } = checkpoint;
      return { label, seconds, lost, fingerprint, kernels, datasets, results, windows };
    });
    return { ...this.#shard, adapters: this.#adapters, parts };
  }

  async #interrupted(
    job: number,
    evaluation: Evaluation | undefined,
    { results }: Summary,
  ): Promise<{ paths: string[]; canResume: boolean }> {
    this.#checkpoint.tellLost();
    const last = this.#parts[job];
    const now = evaluation?.snapshot(last?.checkpoint);
    try {
      if (now && results.length > (last?.checkpoint.results.length ?? 0)) {
        this.#parts[job] = { seconds: last?.seconds ?? 0, lost: last?.lost ?? [], checkpoint: now };
        await this.#checkpoint.write(this.#bytes());
      }
      return { paths: [], canResume: this.#parts.some((part) => part !== undefined) };
    } catch (error) {
      this.folder.addFailure(this.#checkpoint.path, error);
      return { paths: [], canResume: false };
    }
  }
}
