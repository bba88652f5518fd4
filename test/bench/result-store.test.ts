/**
 * Nothing computed is lost: an evaluation whose process is killed at any of its file operations ends, resumed, in the same
 * bytes; files that cannot be written are warnings; two processes never share the files of one evaluation.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { Evaluation } from '../../src/bench/evaluate.js';
import { ownerOf, thisOwner } from '../../src/bench/lock-owner.js';
import { PatientFiles, type PatientOptions } from '../../src/bench/patient-files.js';
import { ResultFolder } from '../../src/bench/result-folder.js';
import { ResultLock, SILENT_MS } from '../../src/bench/result-lock.js';
import { ResultFiles } from '../../src/bench/result-store.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import type { Summary } from '../../src/bench/summary.js';
import { makeTask } from '../../src/bench/task.js';
import { Generator } from '../../src/random/generator.js';
import { type Fault, faulty, killedAt, slowFiles, systemError } from './failing-files.js';

const device = await openDevice();
afterAll(() => device.destroy());

const task = makeTask('n8-k2', 'smoke', {
  hiddenWidth: 16,
  secrets: 1,
  orders: 2,
  maxSteps: 30,
  logInterval: 10,
  testSetSize: 32,
});
const STEM = 'mine_seed42';
const LOCK = `${STEM}.lock`;
const newFolder = () => mkdtempSync(join(tmpdir(), 'lockstep-store-'));
/** Names and bytes of a folder. */
const contents = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]));
/** The number of a process that has ended. */
const deadPid = spawnSync(process.execPath, ['-e', '']).pid;

interface Outcome {
  warnings: string[];
  failures: number;
  summary: Summary;
  checkpoints: number;
}

/** One process's life with its files, as src/cli leads it; `options` brings its file system. */
async function evaluateInto(
  folder: string,
  { resume = false, ...options }: PatientOptions & { resume?: boolean } = {},
): Promise<Outcome> {
  const warnings: string[] = [];
  const warn = (line: string) => warnings.push(line);
  const store = await ResultFolder.open(folder, [STEM], { warn, ...options });
  const evaluation = await Evaluation.prepare(strategyNamed('starter'), task);
  const files = new ResultFiles(store, STEM, 'auto');
  let summary = resume ? await files.earlier(evaluation) : undefined;
  let checkpoints = 0;
  if (!summary) {
    for await (const event of evaluation.train(device, { kernel: 'auto', checkpointSeconds: 1e-6 })) {
      if (event.type === 'end') summary = event.summary;
      if (event.type !== 'checkpoint') continue;
      await files.checkpoint(event.checkpoint);
      checkpoints++;
    }
    await files.finish(evaluation, summary!);
  }
  await store.close();
  return { warnings, failures: store.failures, summary: summary!, checkpoints };
}

/** The lock that a process left when it was killed: as it is, of a process that is gone. */
function bury(folder: string): void {
  if (!readdirSync(folder).includes(LOCK)) return;
  const path = join(folder, LOCK);
  writeFileSync(path, JSON.stringify({ ...ownerOf(readFileSync(path, 'utf8'))!, pid: deadPid }));
}

const reference = newFolder();
const whole = await evaluateInto(reference);
const expected = contents(reference);

test('a folder holds JSON and picture at the end, and nothing else', () => {
  expect(Object.keys(expected).sort()).toEqual([`${STEM}.json`, `${STEM}.svg`]);
  expect(whole).toMatchObject({ warnings: [], failures: 0 });
  expect(whole.checkpoints).toBeGreaterThan(1);
});

test('killed at any file operation and resumed: the same bytes as if it had not been', async () => {
  const counter = killedAt(Number.POSITIVE_INFINITY);
  await evaluateInto(newFolder(), { files: counter.files });
  const total = counter.count();
  expect(total).toBeGreaterThan(30);
  const states = new Set<string>();
  // All of the last ones, where the checkpoint goes and the others come, and some of those before.
  const stride = Math.ceil(total / 10);
  for (let at = 0; at <= total; at += at < total - 20 ? stride : 1) {
    const folder = newFolder();
    await evaluateInto(folder, { files: killedAt(at).files }).catch((error) =>
      expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('EKILLED') }),
    );
    bury(folder);
    states.add(
      readdirSync(folder)
        .map((name) => name.replace(/\.[0-9a-f]{12}\./, '.'))
        .join(),
    );
    const { warnings, summary } = await evaluateInto(folder, { resume: true });
    expect({ at, warnings, files: contents(folder) }).toEqual({ at, warnings: [], files: expected });
    expect(summary).toEqual(whole.summary);
    rmSync(folder, { recursive: true });
  }
  expect(states.size).toBeGreaterThan(6); // as different moments as that were met
});

describe('what cannot be written', () => {
  const failing = (ending: string, operation: string): Fault => {
    return (name, path) => (name === operation && path.includes(ending) ? systemError('ENOSPC') : undefined);
  };
  const cases = ['.checkpoint.', '.json.', '.svg.'].flatMap((ending) =>
    ['open', 'write', 'sync', 'rename'].map((operation) => [ending, operation] as const),
  );

  test.each(cases)(
    '%s, at %s: a warning; what was there stays whole; resumed, all is there',
    async (ending, operation) => {
      const folder = newFolder();
      const old = join(folder, `${STEM}${ending.slice(0, -1)}`);
      writeFileSync(old, 'before');
      const { warnings, failures, summary, checkpoints } = await evaluateInto(folder, {
        files: faulty(failing(ending, operation)),
      });
      expect(summary).toEqual(whole.summary);
      expect(warnings[0]).toMatch(/^warning: .*mine_seed42\.\w+ .*cannot be written: ENOSPC/);
      const isCheckpoint = ending === '.checkpoint.';
      expect(warnings).toHaveLength(isCheckpoint ? 2 : 1);
      if (isCheckpoint)
        expect(warnings[1]).toBe(`warning: ${checkpoints} checkpoints in all could not be written`);
      expect(failures).toBe(isCheckpoint ? checkpoints : 1);
      const left = contents(folder);
      if (!isCheckpoint) expect(left[`${STEM}${ending.slice(0, -1)}`]).toBe('before');
      expect(Object.keys(left).filter((name) => name.endsWith('.part'))).toEqual([]);
      if (!isCheckpoint) unlinkSync(old); // not ours: it would be refused, as it should
      await evaluateInto(folder, { resume: true });
      expect(contents(folder)).toEqual(expected);
    },
  );

  test('neither curves nor a checkpoint: it says that the curves are lost, and how to have them', async () => {
    const folder = newFolder();
    const full = (name: string, path: string) =>
      name === 'write' && /\.(svg|checkpoint)\./.test(path) ? systemError('ENOSPC') : undefined;
    const { warnings } = await evaluateInto(folder, { files: faulty(full) });
    expect(Object.keys(contents(folder))).toEqual([`${STEM}.json`]);
    expect(warnings.at(-1)).toBe(
      `warning: ${join(folder, STEM)}.json is complete, but nothing is left to draw its curves from. Delete it and start again, if they are wanted`,
    );
    unlinkSync(join(folder, `${STEM}.json`));
    await evaluateInto(folder, { resume: true });
    expect(contents(folder)).toEqual(expected);
  });

  test('the folder goes away, or becomes a file: results come out, failures are counted', async () => {
    for (const replace of [() => {}, (folder: string) => writeFileSync(folder, '')]) {
      const folder = newFolder();
      let gone = false;
      const files = faulty((name, path) => {
        if (!gone && name === 'open' && path.includes('.checkpoint')) {
          gone = true;
          rmSync(folder, { recursive: true });
          replace(folder);
        }
        return undefined;
      });
      const { summary, failures } = await evaluateInto(folder, { files });
      expect(summary).toEqual(whole.summary);
      expect(failures).toBeGreaterThanOrEqual(3); // checkpoint, picture, JSON
    }
  });

  test.each([
    ['a file where the folder should be', (folder: string) => writeFileSync(join(folder, 'x'), ''), 'x'],
    ['a folder below a file', (folder: string) => writeFileSync(join(folder, 'x'), ''), 'x/y'],
    ['a name too long', () => {}, 'y'.repeat(300)],
  ])('%s is refused before anything is evaluated', async (_, prepare, name) => {
    const folder = newFolder();
    prepare(folder);
    const open = ResultFolder.open(join(folder, name), [STEM], { warn() {} });
    await expect(open).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/^--output-dir .*: nothing can be written there \(E/),
    });
  });

  test.each(['mkdir', 'open', 'write', 'link', 'readdir'])(
    'a folder without room is refused, at %s',
    async (operation) => {
      const files = faulty((name) => (name === operation ? systemError('ENOSPC') : undefined));
      const open = ResultFolder.open(newFolder(), [STEM], { warn() {}, files });
      await expect(open).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('ENOSPC'),
      });
    },
  );
});

describe('a file system that does not answer', () => {
  /** Far above what an operation of a test takes, without syncs, which may take any time. */
  const LIMIT_MS = 400;
  const silent = (fault: Fault) => ({ files: faulty(fault, ['sync']), limitMs: LIMIT_MS });
  test.each(['mkdir', 'open', 'write', 'sync', 'close', 'link', 'rm', 'readdir'])(
    'at the start, at %s: a sentence instead of waiting for ever',
    async (operation) => {
      const options = silent((name) => (name === operation ? 'never' : undefined));
      const open = ResultFolder.open(newFolder(), [STEM], { warn() {}, ...options });
      await expect(open).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/^--output-dir .*the file system of .* did not answer for 0\.4 s/),
      });
    },
  );

  test.each(['open', 'write', 'sync', 'rename'])(
    'in the middle, at %s: waits once, and goes on',
    async (operation) => {
      const asked: string[] = [];
      const options = silent((name, path) => {
        if (name !== operation || !path.includes('.checkpoint')) return undefined;
        asked.push(path);
        return 'never';
      });
      const { summary, warnings } = await evaluateInto(newFolder(), options);
      expect(summary).toEqual(whole.summary);
      expect(asked).toHaveLength(1);
      expect(warnings[0]).toMatch(/did not answer for 0\.4 s/);
    },
  );
});

describe('locks', () => {
  const write = (folder: string, changes: object) =>
    writeFileSync(join(folder, LOCK), `${JSON.stringify({ ...thisOwner(), ...changes })}\n`);
  const open = (folder: string, label = 'mine') =>
    ResultFolder.open(folder, [`${label}_seed42`], { warn() {} });
  const age = (folder: string, ms: number) => {
    const then = (Date.now() - ms) / 1000;
    utimesSync(join(folder, LOCK), then, then);
  };

  test('a second process is refused and told who is at work; another label is not', async () => {
    const folder = newFolder();
    const first = await open(folder);
    await expect(open(folder)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        new RegExp(`mine_seed42\\.lock: in use by process ${process.pid} on .* since 20`),
      ),
    });
    const other = await open(folder, 'other');
    await Promise.all([first.close(), other.close()]);
    expect(readdirSync(folder)).toEqual([]);
    await (await open(folder)).close();
  });

  test.each([
    ['has ended', { pid: deadPid }],
    ['has left its number to another', { began: '1' }],
  ])('the lock of a process that %s is taken over', async (_, changes) => {
    const folder = newFolder();
    write(folder, changes);
    const store = await open(folder);
    expect(ownerOf(readFileSync(join(folder, LOCK), 'utf8'))?.token).not.toBe(thisOwner().token);
    expect(readdirSync(folder)).toEqual([LOCK]);
    await store.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    ['of another machine', () => JSON.stringify({ ...thisOwner(), host: 'elsewhere', space: 'elsewhere' })],
    ['that says nothing', () => ''],
    ['that says something else', () => '{"pid": "1"}'],
  ])('a lock %s counts until it has been silent for long', async (_, text) => {
    const folder = newFolder();
    writeFileSync(join(folder, LOCK), text());
    await expect(open(folder)).rejects.toThrow(/in use by .* if it is gone for certain, delete that file/);
    age(folder, SILENT_MS + 5000);
    await (await open(folder)).close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of many that find a dead lock at once, one gets it', async () => {
    const generator = new Generator(1);
    for (let round = 0; round < 6; round++) {
      const folder = newFolder();
      write(folder, { pid: deadPid });
      const files = new PatientFiles(folder, { files: slowFiles(() => generator.random53()) });
      const attempts = await Promise.allSettled(
        Array.from({ length: 6 }, () => ResultLock.acquire(files, LOCK)),
      );
      const won = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
      expect(won).toHaveLength(1);
      await won[0].release();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test('the owner, who clears away what others were about to write, is met again, and not an error of the system', async () => {
    const folder = newFolder();
    let cleared = 0;
    const clear = (operation: string, path: string) => {
      if (operation !== 'link' || cleared++ > 0) return;
      unlinkSync(path);
      write(folder, { pid: process.ppid, began: '' });
    };
    const files = new PatientFiles(folder, { files: faulty(clear as Fault) });
    await expect(ResultLock.acquire(files, LOCK)).rejects.toThrow(/in use by process/);
    expect(cleared).toBe(1);
    expect(readdirSync(folder)).toEqual([LOCK]);
  });

  test('a process that was killed while it took a lock over is in nobody`s way', async () => {
    const folder = newFolder();
    write(folder, { pid: deadPid });
    const lock = readFileSync(join(folder, LOCK));
    const claim = `${LOCK}.${createHash('sha256').update(lock).digest('hex').slice(0, 12)}.part`;
    writeFileSync(join(folder, claim), JSON.stringify({ ...thisOwner(), pid: deadPid }));
    const store = await open(folder);
    expect(readdirSync(folder)).toEqual([LOCK]);
    await store.close();
  });

  test("what killed processes left is taken away, others' files are not", async () => {
    const folder = newFolder();
    const stale = [`${STEM}.json.0123456789ab.part`, `${STEM}.checkpoint.part`, `${LOCK}.0123456789ab.part`];
    const kept = [
      'mine_seed421.json.0123456789ab.part',
      'other_seed42.svg.0123456789ab.part',
      `${STEM}.note`,
    ];
    for (const name of [...stale, ...kept]) writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'deep'));
    await (await open(folder)).close();
    expect(readdirSync(folder).sort()).toEqual([...kept, 'deep'].sort());
  });
});
