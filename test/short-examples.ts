/**
 * Examples as text, those that take long with fewer steps or fewer networks: enough to see that they work, wherever they run.
 * No assertions.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is replaced in each, and by what. */
const SHORTER: Record<string, readonly (readonly [string, string])[]> = {
  grokking: [
    ['SEEDS = 20', 'SEEDS = 4'],
    ['EPOCHS = 160', 'EPOCHS = 8'],
  ],
  sweep: [
    ['{ length: 100 }', '{ length: 8 }'],
    ['k / 25', 'k / 2.5'],
  ],
  digits: [
    ['SEEDS = 32', 'SEEDS = 4'],
    ['STEPS = 1000', 'STEPS = 100'],
  ],
};

/** @param folder Where the examples lie. Default: the repository's. */
export function shortExample(
  name: string,
  folder = fileURLToPath(new URL('../examples', import.meta.url)),
): string {
  let source = readFileSync(join(folder, `${name}.ts`), 'utf8');
  for (const [from, to] of SHORTER[name] ?? []) {
    if (source.split(from).length !== 2) throw new Error(`${name}.ts has not '${from}' once`);
    source = source.replace(from, to);
  }
  return source;
}
