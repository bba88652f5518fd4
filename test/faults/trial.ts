/**
 * One try of a fault: a small evaluation in a folder of its own, as a whole or one of its shards, by processes as a user starts
 * them. What happens to them is a fault's concern (main.ts lists them); here is how they are started, how they must end, and what
 * must have come of it: the bytes of an evaluation that nothing happened to.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Generator } from 'lockstep-gpu';
import { type CliResult, type CliRun, runCli, startCli } from '../cli/run-cli.js';

/** How a try ended: with the right bytes, or with them after the user was told which file to delete, and did. */
export type Outcome = 'survived' | 'refused';

/** What must not happen: other bytes, no end, an end without a clear word. */
export class Lost extends Error {}

const COUNT = 8;
const TASK =
  'bench --smoke --config n8-k2,n8-k3 --secrets 2 --orders 4 --hidden-width 16 --max-steps 150 ' +
  '--min-steps-before-stop 150 --log-interval 25 --test-set-size 64 --quiet --checkpoint-seconds 0.02';
const OWN_STRATEGY = fileURLToPath(new URL('../../examples/my-strategy.ts', import.meta.url));
/** How long a process may take. */
const LIMIT_MS = 60_000;
/** How often a user deletes what he was told to and tries again. */
const MOST_REFUSALS = 3;

const newFolder = () => mkdtempSync(join(tmpdir(), 'lockstep-faults-'));

/** Names and bytes of the files in a folder, but for those of shards. */
const results = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => !name.startsWith('shard-'))
      .map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
  );

const shardName = (shard: number) => `shard-${shard}-of-${COUNT}.json`;

/** What a shard's result says but for times; windows in any order. `merge` makes the same bytes of two that say the same. */
function contentOf(folder: string, shard: number): string {
  const {
    integrity: _,
    evaluations,
    ...head
  } = JSON.parse(readFileSync(join(folder, shardName(shard)), 'utf8'));
  for (const part of evaluations) {
    delete part.seconds;
    delete part.lost;
    for (const list of [part.windows, part.results]) list.sort((a: unknown, b: unknown) => compare(a, b));
  }
  return JSON.stringify({ ...head, evaluations });
}

const compare = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/**
 * What is trained in a try: the evaluation in one process, also with a strategy in a file; one of its shards, or one that is then
 * merged with the others.
 */
export type Kind = 'whole' | 'own strategy' | 'shard' | 'merged shard';

/** The evaluation without faults: what it must come to, and how long it takes, which changes with what else the machine does. */
export interface Reference {
  results: Record<string, string>;
  /** With the strategy of a file. */
  ownResults(): Promise<Record<string, string>>;
  /** With the results of all shards. */
  folder: string;
  wholeMs: number;
  shardMs: number;
}

const shardFlag = (shard: number) => `--shard ${shard}/${COUNT}`;
const must = async (args: string) => {
  const { code, stderr } = await runCli(args);
  if (code !== 0) throw new Error(`without a fault, ${args} ends with ${code}: ${stderr}`);
};

async function ownResults(): Promise<Record<string, string>> {
  const folder = newFolder();
  await must(`${TASK} --strategy ${OWN_STRATEGY} --output-dir ${folder}`);
  const found = results(folder);
  rmSync(folder, { recursive: true });
  return found;
}

export async function makeReference(): Promise<Reference> {
  const [whole, folder] = [newFolder(), newFolder()];
  const task = `${TASK} --strategy starter`;
  const begin = performance.now();
  await must(`${task} --output-dir ${whole}`);
  const wholeMs = performance.now() - begin;
  const trainShard = async (shard: number) => {
    const begin = performance.now();
    await must(`${task} --output-dir ${folder} ${shardFlag(shard)}`);
    return performance.now() - begin;
  };
  const shardMs = await trainShard(1);
  await Promise.all(Array.from({ length: COUNT - 1 }, (_, i) => trainShard(i + 2)));
  const expected = results(whole);
  await must(`merge ${folder} --output-dir ${whole}`);
  if (JSON.stringify(results(whole)) !== JSON.stringify(expected)) throw new Error('merge makes other bytes');
  rmSync(whole, { recursive: true });
  let own: Promise<Record<string, string>> | undefined;
  return {
    ...{ results: expected, folder, wholeMs, shardMs },
    ownResults: () => {
      own ??= ownResults();
      return own;
    },
  };
}

/** What becomes of the processes of a try. */
export interface Started {
  /** A module in this folder that is loaded before the program, and what it is told. */
  preload?: 'lose-device' | 'set-clock';
  told?: readonly number[];
}

export class Trial {
  readonly folder = newFolder();
  readonly #reference: Reference;
  readonly #random: Generator;
  /** The shard; undefined for the whole evaluation in one process. */
  readonly #shard: number | undefined;
  readonly #merges: boolean;
  /** The strategy's file, which is this try's alone. */
  readonly source: string | undefined;

  /** @param seed Chooses the shard, and what a fault asks of {@link below}. */
  constructor(reference: Reference, kind: Kind, seed: number) {
    this.#reference = reference;
    this.#random = new Generator(seed);
    this.#shard = kind.endsWith('shard') ? this.below(COUNT) + 1 : undefined;
    this.#merges = kind === 'merged shard';
    if (kind !== 'own strategy') return;
    this.source = join(`${this.folder}-strategy`, basename(OWN_STRATEGY));
    cpSync(OWN_STRATEGY, this.source);
  }

  /** A whole number from 0 on, below `end`. */
  below(end: number): number {
    return this.#random.randint(0, Math.max(1, Math.floor(end)));
  }

  /** A moment of a process that nothing happens to, in milliseconds after its start. */
  moment(): number {
    return this.below(this.#reference[this.#ms]);
  }

  get #ms(): 'wholeMs' | 'shardMs' {
    return this.#shard === undefined ? 'wholeMs' : 'shardMs';
  }

  /** The command line, after the name of the program. */
  get command(): string {
    const shard = this.#shard === undefined ? '' : ` ${shardFlag(this.#shard)}`;
    return `${TASK} --strategy ${this.source ?? 'starter'} --output-dir ${this.folder}${shard} --resume`;
  }

  start({ preload, told = [] }: Started = {}): CliRun {
    const env = preload && {
      NODE_OPTIONS: `--import ${new URL(`${preload}.mjs`, import.meta.url)}`,
      LOCKSTEP_FAULT: JSON.stringify(told),
    };
    return startCli(this.command, env);
  }

  /** Waits for the end of a process, which must come. */
  async ended({ child, result }: CliRun): Promise<CliResult> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, LIMIT_MS);
    const found = await result;
    clearTimeout(timer);
    if (isLate) throw new Lost(`does not end: ${shown(found)}`);
    if (/unexpected|probably a defect|^\s+at /m.test(found.stderr)) throw new Lost(shown(found));
    return found;
  }

  /** Starts the program and kills it after some time, unless it has ended. */
  async killed(afterMs: number, signal: NodeJS.Signals = 'SIGKILL', started?: Started): Promise<CliResult> {
    const run = this.start(started);
    const timer = setTimeout(() => run.child.kill(signal), afterMs);
    const result = await this.ended(run);
    clearTimeout(timer);
    return result;
  }

  /** The user starts the same command until it is done, and deletes what he is told to; then the results must be there. */
  async finish(started?: Started, before: Outcome = 'survived'): Promise<Outcome> {
    let outcome = before;
    for (let refusals = 0; refusals <= MOST_REFUSALS; refusals++) {
      const begin = performance.now();
      const result = await this.ended(this.start(started));
      this.#reference[this.#ms] = (this.#reference[this.#ms] + performance.now() - begin) / 2;
      const refused = result.code === 0 ? await this.#compared() : this.#refusedFile(result);
      if (!refused) return outcome;
      rmSync(refused);
      outcome = 'refused';
    }
    throw new Lost(`is refused again and again`);
  }

  /** The file that the user is told to delete. */
  #refusedFile(result: CliResult): string {
    const [, path] = /^error: (\/[^\s:]+):? .*\bdelete (?:it|that file)\b/im.exec(result.stderr) ?? [];
    if ((result.code === 1 || result.code === 2) && path?.startsWith(this.folder) && existsSync(path))
      return path;
    throw new Lost(shown(result));
  }

  /** Compares the results with what they must be. @returns A file that `merge` refuses. */
  async #compared(): Promise<string | undefined> {
    const { folder } = this.#reference;
    if (this.#shard !== undefined && contentOf(this.folder, this.#shard) !== contentOf(folder, this.#shard))
      throw new Lost(`${shardName(this.#shard)} is not what it must be`);
    if (this.#shard !== undefined && !this.#merges) return undefined;
    if (this.#merges) {
      this.addOtherShards();
      const merged = await runCli(`merge ${this.folder} --quiet`);
      if (merged.code !== 0) return this.#refusedFile(merged);
    }
    const expected = this.source ? await this.#reference.ownResults() : this.#reference.results;
    const found = results(this.folder);
    for (const name of new Set([...Object.keys(expected), ...Object.keys(found)]))
      if (found[name] !== expected[name]) throw new Lost(`${name} is not what it must be`);
    return undefined;
  }

  /** The results of all shards lie in the folder, but for the one of this try. */
  addOtherShards(): void {
    cpSync(this.#reference.folder, this.folder, { recursive: true, force: false });
  }

  close(): void {
    for (const folder of [this.folder, `${this.folder}-strategy`])
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export const shown = ({ code, signal, stderr }: CliResult): string =>
  `ended with ${code ?? signal}: ${stderr.trim().slice(0, 1000) || 'without a word'}`;
