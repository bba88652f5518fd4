/**
 * Examples as text, those that take long with fewer steps or fewer networks: enough to see that they work, wherever they run.
 * No assertions.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Replaced = Record<string, readonly (readonly [string, string])[]>;

/** What is replaced in each, and by what. */
export const SHORTER: Replaced = {
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

/** The same where a step takes far longer: on SwiftShader, the CPU driver of headless browsers. */
export const SHORTEST: Replaced = {
  ...SHORTER,
  population: [['POPULATION = 16', 'POPULATION = 4']],
  uncertainty: [['MODELS = 64', 'MODELS = 4']],
  grokking: [
    ['SEEDS = 20', 'SEEDS = 2'],
    ['EPOCHS = 160', 'EPOCHS = 8'],
  ],
};

/**
 * @param folder Where the examples lie. Default: the repository's.
 * @param replaced Default: what makes them short enough for tests.
 */
export function shortExample(
  name: string,
  folder = fileURLToPath(new URL('../examples', import.meta.url)),
  replaced = SHORTER,
): string {
  let source = readFileSync(join(folder, `${name}.ts`), 'utf8');
  for (const [from, to] of replaced[name] ?? []) {
    if (source.split(from).length !== 2) throw new Error(`${name}.ts has not '${from}' once`);
    source = source.replace(from, to);
  }
  return source;
}
