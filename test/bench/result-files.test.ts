/**
 * Names and places of result files: no two evaluations share one, and nothing is written outside the folder.
 */
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PatientFiles } from '../../src/bench/patient-files.js';
import { checkLabel, checkStems, resultLabels, stemOf } from '../../src/bench/result-files.js';

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

test('no two labels are one file, by any file system', () => {
  expect(resultLabels(of(['a', 'n8-k2'], ['a', 'n8-k2'], ['a', 'n8-k2-2']))).toEqual([
    'a-n8-k2',
    'a-n8-k2-2',
    'a-n8-k2-2-2',
  ]);
  const names = ['A', 'a', 'é', 'ü', 'a b', 'a-b', '../a', '..-a'];
  const labels = resultLabels(of(...names.map((name): [string, string] => [name, 'n8-k2'])));
  expect(new Set(labels.map((label) => label.toLowerCase())).size).toBe(names.length);
});

const CONTROLS = ['\0', '\n', '\r', '\t', '\x1b[2J', '\x7f', '\x9b', '\u202e', '\u2028', '\ud800'];

test.each(['', ' ', '..', '../x', 'a/b', 'a\\b', '.hidden', ...CONTROLS.map((mark) => `a${mark}b`)])(
  'label %j is refused, in printable words',
  (label) => {
    expect(() => checkLabel(label)).toThrow(/^--label "/);
    expect(() => checkLabel(label)).toThrow(expect.objectContaining({ code: 'bad-input' }));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(() => checkLabel(label)).not.toThrow(/[\x00-\x1f\x7f-\x9f]/);
  },
);

test.each(['mine', 'lr=1e-3', 'zwölf', '日本語', 'a..b', '-x', 'a b'])('label %j is taken', (label) => {
  expect(() => checkLabel(label)).not.toThrow();
});

test.each(['x', 'é', '語', '😀'])(
  'the longest name of %j that is taken can be written, its longest file too',
  async (letter) => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-'));
    const fits = (length: number) => {
      try {
        checkStems([stemOf(letter.repeat(length), 42)]);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-input', message: expect.stringMatching(/has \d+ bytes/) });
        return false;
      }
    };
    let most = 1;
    while (fits(most + 1)) most++;
    expect(most * Buffer.byteLength(letter)).toBeGreaterThan(200);
    const files = new PatientFiles(folder);
    for (const ending of ['json', 'svg', 'checkpoint', 'lock'])
      await files.write(`${stemOf(letter.repeat(most), 42)}.${ending}`, 'whole');
    expect(readdirSync(folder)).toHaveLength(4);
  },
);
