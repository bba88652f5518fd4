/**
 * Names and places of result files: no two evaluations share one, and nothing is written outside the folder.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkLabel, prepareOutputFolder, resultLabels, writeResult } from '../../src/bench/result-files.js';

const of = (...pairs: [string, string][]) => pairs.map(([strategy, config]) => ({ strategy, config }));

test('one evaluation takes the label as it is; several add what tells them apart', () => {
  expect(resultLabels(of(['starter', 'n32-k8']), 'mine')).toEqual(['mine']);
  expect(resultLabels(of(['starter', 'n32-k8'], ['starter', 'n50-k8']), 'mine')).toEqual([
    'mine-n32-k8',
    'mine-n50-k8',
  ]);
  expect(resultLabels(of(['a', 'n32-k8'], ['b', 'n32-k8']), 'mine')).toEqual([
    'mine-a-n32-k8',
    'mine-b-n32-k8',
  ]);
});

test('without a label, strategy and configuration name the file, safe for a file system', () => {
  expect(resultLabels(of(['../my strategy', 'n32-k8']))).toEqual(['..-my-strategy-n32-k8']);
});

test.each(['', '../x', 'a/b', 'a\\b', '.hidden'])('label %j is refused', (label) => {
  expect(() => checkLabel(label)).toThrow(/--label/);
});

test('writes whole files, and makes the folder', () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'lockstep-')), 'deep', 'er');
  prepareOutputFolder(folder);
  const path = writeResult(folder, 'label', 42, 'json', '{}\n');
  expect(path).toBe(join(folder, 'label_seed42.json'));
  expect(readFileSync(path, 'utf8')).toBe('{}\n');
  expect(readdirSync(folder)).toEqual(['label_seed42.json']);
});

test('a folder that cannot be is refused with its name', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'lockstep-')), 'file');
  writeFileSync(file, '');
  expect(() => prepareOutputFolder(join(file, 'out'))).toThrow(/--output-dir .*file.out/);
});
