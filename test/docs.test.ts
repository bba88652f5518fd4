// The guides' programs run as they stand.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import * as api from '../src/index.js';
import { runProgram } from './run-program.js';
import { SHORTEST } from './short-examples.js';

it('docs/lockstep.md: the pieces are one program', async () => {
  const guide = readFileSync(new URL('../docs/lockstep.md', import.meta.url), 'utf8');
  const code = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, piece]) => piece).join('\n');
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...values) => lines.push(values.join(' ')));
  await runProgram(code, { 'lockstep-gpu': api });
  log.mockRestore();
  expect(lines.filter((line) => line.startsWith('run ')).sort()).toEqual([
    'run 0 max-steps 200',
    'run 1 max-steps 200',
    'run 2 max-steps 500',
    'run 3 max-steps 200',
  ]);
  expect(lines.some((line) => /^2 -> 32 tanh -> 2 162 parameters \d+ bytes$/.test(line))).toBe(true);
  expect(lines).toContain('3,8,2');
  expect(lines.some((line) => line.startsWith('0.weight,0.bias,2.weight,2.bias of step'))).toBe(true);
});

it('docs/browsers.md: names every example, and how it is shortened', () => {
  const page = readFileSync(new URL('../docs/browsers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| ([a-z][a-z-]*) \| (.*?) ?\| .* \|$/gm)].slice(1); // the first one is the head
  const examples = readdirSync(new URL('../examples', import.meta.url)).map((file) =>
    file.replace('.ts', ''),
  );
  expect(rows.map(([, name]) => name).sort()).toEqual(examples.sort());
  for (const [, name, shortened] of rows) {
    // How many there are; what else is replaced follows from it.
    const counts = (SHORTEST[name] ?? []).filter(([from]) => /^[A-Z]+ = |length/.test(from));
    const expected = counts.flatMap(([from, to]) => [to, from].map((text) => text.replace(/\D+/g, '')));
    expect({ name, numbers: shortened.replaceAll(',', '').match(/\d+/g) ?? [] }).toEqual({
      name,
      numbers: expected,
    });
  }
});
