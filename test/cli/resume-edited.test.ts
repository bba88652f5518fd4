/**
 * `--resume` after the strategy, or a file that it imports, was edited: refused with the file's name, by the program.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from './run-cli.js';

test('the result of another source is not taken over; the same source again is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-edited-'));
  const rows = (count: number) =>
    writeFileSync(join(folder, 'rows.ts'), `export const rows: number = ${count};`);
  rows(200);
  writeFileSync(
    join(folder, 'mine.ts'),
    `import { BitMatrix, Generator, parity } from 'lockstep-gpu/bench'; import { rows } from './rows';
    export default { name: 'mine', initModel() {},
      makeDataset(secret, task, seed) {
        const x = BitMatrix.random(rows, task.nFeatures, new Generator(seed));
        return { x, y: parity(x, secret) };
      },
      getOptimizerConfig: () => ({ lr: 1e-3, wd: 0, beta1: 0.9, beta2: 0.999 }) };`,
  );
  const out = join(folder, 'out');
  const job =
    'bench --smoke --hidden-width 16 --secrets 1 --orders 2 --max-steps 20 --log-interval 10 --test-set-size 64 ' +
    `--config n8-k2 --quiet --strategy ${join(folder, 'mine.ts')} --output-dir ${out}`;
  expect((await runCli(job)).code).toBe(0);
  const path = join(out, 'mine-n8-k2_seed42.json');
  const before = readFileSync(path, 'utf8');
  expect(Object.keys(JSON.parse(before).fingerprint.source)).toEqual(['mine.ts', 'rows.ts']);

  rows(201);
  const edited = await runCli(`${job} --resume`);
  expect(edited).toMatchObject({ code: 2, stdout: '' });
  expect(edited.stderr).toMatch(
    /error: \S*mine-n8-k2_seed42\.json is of another evaluation: source rows\.ts was changed; the dataset of secret 0 is another\./,
  );
  expect(edited.stderr.trim()).not.toContain('\n');
  expect(readFileSync(path, 'utf8')).toBe(before);

  rows(200);
  expect((await runCli(`${job} --resume`)).code).toBe(0);
});
