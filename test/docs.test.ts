// The guides' programs run as they stand.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it, vi } from 'vitest';
import { Generator, openDevice, samplers, trainLockstep } from '../src/index.js';

/** What guides import. */
const api: Record<string, unknown> = { Generator, openDevice, samplers, trainLockstep };

it('docs/lockstep.md: the pieces are one program', async () => {
  const guide = readFileSync(new URL('../docs/lockstep.md', import.meta.url), 'utf8');
  const code = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, piece]) => piece).join('\n');
  const imported = /^import \{ (.*) \} from 'lockstep-gpu';$/m.exec(code)![1].split(', ');
  const body = ts.transpile(code.replace(/^import .*$/m, ''), { target: ts.ScriptTarget.ES2022 });
  const AsyncFunction = (async () => {}).constructor as new (
    ...text: string[]
  ) => (...values: unknown[]) => Promise<void>;
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...values) => lines.push(values.join(' ')));
  await new AsyncFunction(...imported, body)(...imported.map((name) => api[name]));
  log.mockRestore();
  expect(lines.filter((line) => line.startsWith('run ')).sort()).toEqual([
    'run 0 max-steps 200',
    'run 1 max-steps 200',
    'run 2 max-steps 500',
  ]);
  expect(lines.some((line) => /^2 -> 32 tanh -> 2 162 parameters \d+ bytes$/.test(line))).toBe(true);
  expect(lines.some((line) => line.startsWith('0.weight,0.bias,2.weight,2.bias of step'))).toBe(true);
});
