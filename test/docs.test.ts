// The guides' programs run as they stand.
import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import * as api from '../src/index.js';
import { runProgram } from './run-program.js';

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
