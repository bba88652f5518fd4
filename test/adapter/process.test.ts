// In processes of their own: a program ends by itself, and the error about a missing package names it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'tsup';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a module that may `load` the library's source files; returns what it printed. */
function run(script: string, flags: string[] = []): string {
  const load = `import { createJiti } from 'jiti'; const load = (path) => createJiti(process.cwd() + '/x.ts').import(path);`;
  return execFileSync(process.execPath, [...flags, '--input-type=module', '-e', `${load}\n${script}`], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 60_000,
  }).trim();
}

const work = `
  const { openDevice } = await load('./src/adapter/open.ts');
  const { tensor } = await load('./src/tensor/create.ts');
  const { mul } = await load('./src/autograd/ops/elementwise.ts');
  const device = await openDevice();
  const x = tensor([1, 2], { requiresGrad: true });
  const y = mul(x, 3);
  console.log(JSON.stringify(await y.toArray()));`;

describe('a process that used a device', () => {
  it('ends by itself once the device is destroyed', () => {
    expect(run(`${work}\ndevice.destroy();`)).toBe('[3,6]');
  });

  it('ends by itself with work recorded and the device left open', () => {
    expect(run(`${work}\nmul(y, 2);`)).toBe('[3,6]');
  });

  it('outlives the collection of everything it dropped', () => {
    const script = `${work}
      for (let round = 0; round < 5; round++) {
        const other = await openDevice();
        const t = tensor([round], { device: other });
        console.log(JSON.stringify(await mul(t, 2).toArray()));
        other.destroy();
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(JSON.stringify(await mul(y, 2).toArray()));`;
    expect(run(script, ['--expose-gc']).split('\n')).toEqual([
      '[3,6]',
      '[0]',
      '[2]',
      '[4]',
      '[6]',
      '[8]',
      '[6,12]',
    ]);
  });
});

it('without the package `webgpu`, the error says what to install', async () => {
  // Bundled into a folder from which no package is found.
  const outDir = mkdtempSync(join(tmpdir(), 'lockstep-bare-'));
  const entry = [join(root, 'src/adapter/open.ts')];
  await build({ entry, outDir, config: false, format: 'esm', silent: true, dts: false, noExternal: [/./] });
  const bundle = readdirSync(outDir).find((file) => file.startsWith('open.'));
  const script = `
    const { openDevice } = await import(${JSON.stringify(pathToFileURL(join(outDir, bundle ?? '')).href)});
    try { await openDevice(); } catch (error) { console.log(error.code + ': ' + error.message); }`;
  expect(run(script)).toMatch(/^no-adapter: .*is not installed: run `npm i webgpu`\.$/);
});
