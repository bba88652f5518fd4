/**
 * The faults, each as a try of one evaluation that it happens to. How often each is tried, and the count of what comes of it, is
 * main.ts's business.
 */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type CliResult, runShell } from '../cli/run-cli.js';
import { withLosses } from './losses.js';
import { type Kind, Lost, type Outcome, shown, type Trial } from './trial.js';

export interface Fault {
  name: string;
  /** What is trained, in turn. */
  kinds: readonly Kind[];
  /** How often it is tried, in full and in the short form. */
  tries: readonly [full: number, short: number];
  /** Whether it can be tried here. */
  isHere?: boolean;
  try(trial: Trial): Promise<Outcome>;
}

const DAY = 86_400;
const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const any = ['shard', 'merged shard', 'whole', 'shard'] as const;

const UNWRITTEN = /cannot be written|nothing can be written|cannot read/;

/** A process may go on without its files, if it says so and its exit code does. The user then does as he is told. */
function toldOf(result: CliResult): Outcome {
  const { code, stderr } = result;
  if (code !== 0 && !(UNWRITTEN.test(stderr) && (code === 1 || code === 2))) throw new Lost(shown(result));
  const toDelete = [...stderr.matchAll(/^warning: (\/\S+) .* Delete it and start again/gm)];
  for (const [, path] of toDelete) rmSync(path, { force: true });
  return toDelete.length > 0 ? 'refused' : 'survived';
}

const filesIn = (folder: string) => readdirSync(folder).map((name) => join(folder, name));

/** A disk of so many pages, which is larger when the program is started again. */
async function onSmallDisk(trial: Trial): Promise<Outcome> {
  const mount = (options: string) =>
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', trial.folder]);
  mount(`size=${4 * (1 + trial.below(16))}k`);
  try {
    const told = toldOf(await trial.ended(trial.start()));
    mount('remount,size=64m');
    return await trial.finish({}, told);
  } finally {
    execFileSync('umount', [trial.folder]);
  }
}

/** No file may be longer than some blocks of 512 bytes, or of 1024: shells differ. */
async function withShortFiles(trial: Trial): Promise<Outcome> {
  const limit = trial.below(20);
  const told = toldOf(await runShell(`trap '' XFSZ; ulimit -f ${limit}; exec $CLI ${trial.command}`));
  return trial.finish({}, told);
}

async function withoutFolder(trial: Trial): Promise<Outcome> {
  const { folder } = trial;
  const aside = `${folder}-aside`;
  const ways = [
    () => rmSync(folder, { recursive: true, force: true, maxRetries: 9 }),
    () => renameSync(folder, aside),
    () => {
      renameSync(folder, aside);
      writeFileSync(folder, 'a file in place of the folder');
    },
  ];
  const way = trial.below(ways.length);
  const run = trial.start();
  const timer = setTimeout(ways[way], trial.moment());
  toldOf(await trial.ended(run));
  clearTimeout(timer);
  if (way === 2) rmSync(folder, { force: true, recursive: true });
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return trial.finish();
}

/** Two processes at once on the same files, sometimes where a third one was killed. */
async function twoAtOnce(trial: Trial): Promise<Outcome> {
  if (trial.below(2) === 0) await trial.killed(trial.moment());
  const first = trial.ended(trial.start());
  await new Promise((resolve) => setTimeout(resolve, trial.below(2) * trial.moment()));
  const results = await Promise.all([first, trial.ended(trial.start())]);
  const refused = results.filter(({ code }) => code !== 0);
  for (const result of refused)
    if (result.code !== 1 || !/in use by process \d+ on /.test(result.stderr)) throw new Lost(shown(result));
  if (refused.length === 2) throw new Lost('each of two processes leaves the work to the other');
  const outcome = await trial.finish();
  return refused.length > 0 ? 'refused' : outcome;
}

async function withClockSet(trial: Trial): Promise<Outcome> {
  const set = () => ({
    preload: 'set-clock' as const,
    told: [trial.moment(), (trial.below(10) - 9) * trial.below(365 * DAY)],
  });
  await trial.killed(trial.moment() + trial.moment(), 'SIGKILL', set());
  for (const file of filesIn(trial.folder)) {
    const time = statSync(file).mtimeMs / 1000 + (trial.below(3) - 1) * trial.below(365 * DAY);
    utimesSync(file, time, time);
  }
  return trial.finish(set());
}

/** The files that a process reads beside the strategy's, and how they come to be there. */
const READ = {
  'a checkpoint': { name: /\.checkpoint$/, make: unfinished },
  'a lock': { name: /\.lock$/, make: unfinished },
  'a result': { name: /\.json$/, make: (trial: Trial) => trial.finish() },
  "shards' results": { name: /^shard-.*\.json$/, make: async (trial: Trial) => trial.addOtherShards() },
} as const;

/** Kills a process that has the lock, at any time after its first checkpoint. */
async function unfinished(trial: Trial): Promise<void> {
  const has = (ending: string) => readdirSync(trial.folder).some((name) => name.endsWith(ending));
  const run = trial.start();
  let left = trial.below(20);
  const watch = setInterval(() => has('.checkpoint') && left-- === 0 && run.child.kill('SIGKILL'), 5);
  await trial.ended(run);
  clearInterval(watch);
  if (has('.checkpoint') && has('.lock')) return;
  for (const file of filesIn(trial.folder)) rmSync(file); // it was done in between
  await unfinished(trial);
}

/** One bit is flipped in the file; or it was cut short, or has a block of zeros. */
function damage(trial: Trial, path: string): void {
  const bytes = readFileSync(path);
  const at = trial.below(bytes.length);
  const way = trial.below(8);
  if (way < 6) bytes[at] ^= 1 << trial.below(8);
  if (way === 6) bytes.subarray(at, at + 512).fill(0);
  writeFileSync(path, way === 7 ? bytes.subarray(0, at) : bytes);
}

const damaged = (file: keyof typeof READ, kinds: Fault['kinds'], tries: Fault['tries']): Fault => ({
  name: `a flipped bit in ${file}`,
  kinds,
  tries,
  async try(trial) {
    const { name, make } = READ[file];
    await make(trial);
    const files = readdirSync(trial.folder).filter((one) => name.test(one));
    damage(trial, join(trial.folder, files[trial.below(files.length)]));
    return trial.finish();
  },
});

/** The user brings the file back when he is told that it is another one, or that it cannot be used. */
async function withDamagedStrategy(trial: Trial): Promise<Outcome> {
  await unfinished(trial);
  const source = trial.source!;
  const right = readFileSync(source);
  damage(trial, source);
  const result = await trial.ended(trial.start());
  if (result.code !== 2 || !result.stderr.includes(basename(source))) throw new Lost(shown(result));
  writeFileSync(source, right);
  if ((await trial.finish()) !== 'survived') throw new Lost('the right strategy is refused');
  return 'refused';
}

async function withLostDevices(trial: Trial): Promise<Outcome> {
  const told = Array.from({ length: 1 + trial.below(3) }, () => trial.moment());
  const result = await trial.ended(trial.start({ preload: 'lose-device', told }));
  if (result.code !== 0) throw new Lost(shown(result));
  return trial.finish();
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'SIGKILL at any moment, one of 8 shards',
    kinds: ['shard', 'shard', 'shard', 'merged shard'],
    tries: [100, 4],
    try: async (trial) => {
      await trial.killed(trial.moment());
      return trial.finish();
    },
  },
  {
    name: 'SIGKILL at any moment, three times',
    kinds: ['whole'],
    tries: [6, 1],
    try: async (trial) => {
      for (let k = 0; k < 3; k++) await trial.killed(trial.moment());
      return trial.finish();
    },
  },
  {
    name: 'SIGTERM at any moment',
    kinds: any,
    tries: [12, 2],
    try: async (trial) => {
      const result = await trial.killed(trial.moment(), 'SIGTERM');
      if (result.code !== 0 && result.code !== 143 && result.signal !== 'SIGTERM')
        throw new Lost(shown(result));
      return trial.finish();
    },
  },
  { name: 'a disk that is full', kinds: any, tries: [12, 2], isHere: canMount, try: onSmallDisk },
  { name: 'files that must not grow (RLIMIT_FSIZE)', kinds: any, tries: [12, 2], try: withShortFiles },
  { name: 'a folder that vanishes', kinds: any, tries: [12, 2], try: withoutFolder },
  { name: 'two processes at once', kinds: any, tries: [12, 2], try: twoAtOnce },
  { name: 'a clock that is set', kinds: any, tries: [12, 2], try: withClockSet },
  damaged('a checkpoint', any, [20, 2]),
  damaged('a lock', any, [12, 1]),
  damaged('a result', ['whole'], [12, 1]),
  damaged("shards' results", ['merged shard'], [12, 1]),
  {
    name: "a flipped bit in a strategy's file",
    kinds: ['own strategy'],
    tries: [12, 1],
    try: withDamagedStrategy,
  },
  { name: 'a device that is lost, up to 3 times', kinds: any, tries: [12, 2], try: withLostDevices },
  { name: 'the same within one process', kinds: ['whole'], tries: [100, 5], try: withLosses },
];
