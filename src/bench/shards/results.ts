/**
 * Shards for programs of one's own that train by `trainLockstep`: which of their runs are a shard's, one file of results a shard,
 * and all of them put together. Node only. `bench --shard` has files of its own (store.ts, merge.ts), which hold more.
 */
import { isDeepStrictEqual } from 'node:util';
import { checkNumber, checkObject, checkText } from '../../platform/arguments.js';
import { LockstepError } from '../../platform/errors.js';
import { checkOptionNames } from '../../platform/options.js';
import { printable } from '../../platform/printable.js';
import { checkShard, type Shard, shardText } from '../../platform/shard.js';
import { checkpointBytes, checkpointOf } from '../checkpoint-file.js';
import { PatientFiles } from '../patient-files.js';
import { refuseShard, shardOfName, shardStem } from './file.js';
import { namesIn } from './find.js';
import { countIn, listed, missingOf, missingText } from './gaps.js';
import { runsOfShard } from './runs.js';

/** Options of {@link ShardResults}. */
export interface ShardResultsOptions {
  /** How many runs all shards have together. */
  runs: number;
  /**
   * What the results were made of, by name: settings, seeds, versions, `device.info` where bits count. Any plain data. Files in
   * which something of it differs are refused.
   */
  madeOf: Readonly<Record<string, unknown>>;
}

interface Content<Result> {
  shard: Shard;
  runs: number;
  madeOf: Readonly<Record<string, unknown>>;
  results: Map<number, Result>;
}

const KIND = 'results';

/**
 * The results of shards in a folder, `shard-3-of-16.results`: each is written whole or not at all, with a checksum. A result is
 * plain data, as `structuredClone` takes it: numbers with NaN, texts, lists, objects, typed arrays.
 *
 * @throws LockstepError `bad-input` for arguments that do not fit.
 * @example
 * const results = new ShardResults('out', { runs: rates.length, madeOf: { rates, seed: 1 } });
 * const shard = shardFrom('auto', process.env);
 * const mine = results.runsOf(shard); // [0, 1, 2, …]: the numbers of the shard's runs
 * await results.write(shard, new Map(mine.map((run) => [run, accuracies[run]])));
 * const all = await results.merge(); // of all shards, by run
 */
export class ShardResults<Result> {
  readonly #files: PatientFiles;
  readonly #runs: number;
  readonly #madeOf: Readonly<Record<string, unknown>>;

  constructor(folder: string, options: ShardResultsOptions) {
    checkText('ShardResults', 'the folder', folder);
    checkObject('ShardResults', 'the second argument', options, '{ runs: 100, madeOf: { seed: 1 } } fits');
    checkOptionNames('ShardResults', options, ['runs', 'madeOf']);
    checkNumber('ShardResults', 'runs', options.runs, { min: 1, whole: true });
    checkObject('ShardResults', 'madeOf', options.madeOf, '{ seed: 1 } fits');
    this.#files = new PatientFiles(folder);
    this.#runs = options.runs;
    this.#madeOf = structuredClone(options.madeOf);
  }

  /** The numbers of a shard's runs, from 0: as many as each other shard has, or one more or less. */
  runsOf(shard: Shard): number[] {
    checkShard('ShardResults.runsOf', shard);
    return runsOfShard([this.#runs], shard)[0];
  }

  /**
   * Whether the shard's file is there.
   *
   * @throws LockstepError `bad-input` where the file is damaged, or made of something else.
   */
  async isDone(shard: Shard): Promise<boolean> {
    checkShard('ShardResults.isDone', shard);
    return (await this.#read(shard)) !== undefined;
  }

  /**
   * Writes the shard's file, and makes the folder if need be. Returns its path.
   *
   * @param results A result for each of the shard's runs, by number.
   * @throws LockstepError `bad-input` where runs are missing, or are another shard's; the system's errors.
   */
  async write(shard: Shard, results: ReadonlyMap<number, Result>): Promise<string> {
    const mine = this.runsOf(shard);
    const missing = mine.filter((run) => !results.has(run));
    const others = [...results.keys()].filter((run) => !mine.includes(run));
    if (missing.length > 0 || others.length > 0)
      throw new LockstepError(
        'bad-input',
        `ShardResults.write: of shard ${shardText(shard)}, ${
          missing.length > 0
            ? `there is no result of run ${listed(missing)}`
            : `run ${listed(others)} is none`
        }.`,
      );
    const { index, count } = shard;
    const content: Content<Result> = {
      shard: { index, count },
      runs: this.#runs,
      madeOf: this.#madeOf,
      results: new Map(mine.map((run) => [run, results.get(run)!])),
    };
    await this.#files.makeFolder();
    await this.#files.write(nameOf(shard), checkpointBytes(content));
    return this.#files.path(nameOf(shard));
  }

  /**
   * The results of all shards, by number of run, in order.
   *
   * @param options `partial`: take those that are there, where others are missing.
   * @throws LockstepError `bad-input` that names the shards that are missing, and files that are damaged, made of something
   * else, or of another number of shards.
   */
  async merge(options: { partial?: boolean } = {}): Promise<Map<number, Result>> {
    checkOptionNames('ShardResults.merge', options, ['partial']);
    const named = (await namesIn(this.#files)).map(shardOfName).filter((one) => one?.kind === KIND);
    const shards = named.map((one) => one!.shard).sort((a, b) => a.index - b.index);
    const count = countIn(this.#files.folder, shards);
    const missing = missingOf(shards);
    if (missing.length > 0 && !options.partial)
      throw new LockstepError(
        'bad-input',
        `${missingText(missing, count)} Start them again, or ask for { partial: true }.`,
      );
    const all = new Map<number, Result>();
    for (const shard of shards)
      for (const [run, result] of (await this.#read(shard)) ?? []) all.set(run, result);
    return all;
  }

  async #read(shard: Shard): Promise<Map<number, Result> | undefined> {
    const name = nameOf(shard);
    const path = this.#files.path(name);
    const bytes = await this.#files.read(name);
    if (!bytes) return undefined;
    const { runs, madeOf, results, ...found } = checkpointOf<Content<Result>>(path, bytes, refuseShard);
    if (shardText(found.shard) !== shardText(shard))
      throw refuseShard(path, `is of shard ${shardText(found.shard)}, and not of the one in its name`);
    const before: Record<string, unknown> = { runs, ...madeOf };
    const now: Record<string, unknown> = { runs: this.#runs, ...this.#madeOf };
    const different = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
      (key) => !isDeepStrictEqual(before[key], now[key]),
    );
    if (different.length > 0)
      throw refuseShard(path, `was made of other ${different.map((key) => printable(key)).join(', ')}`);
    return results;
  }
}

const nameOf = (shard: Shard): string => `${shardStem(shard)}.${KIND}`;
