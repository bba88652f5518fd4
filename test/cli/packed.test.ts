/**
 * The published package: what it contains, and that it works in an empty project, installed from the tarball beside
 * `webgpu`.
 */
import { mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, expect, test } from 'vitest';
import { copyExamples, installPacked, LEARNED, repository, run as runIn } from '../packed.js';
import { hovers } from './quick-info.js';

const project = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-packed-')));
const EXAMPLES = Object.keys(LEARNED);
/**
 * What is run here, one of each of the library's parts: tensors and optimizers, networks in lockstep, networks of bits, checkpoints,
 * operations and kernels of one's own. `npm run test:long` runs all here; examples.test.ts from the source, and `npm run
 * test:chromium` from the tarball in a browser.
 */
const RUN = process.env.MODE === 'long' ? EXAMPLES : ['xor', 'sweep', 'ensemble', 'resume', 'custom-op'];
let files: string[];

const run = (command: string, args: string[]) => runIn(command, args, project);

beforeAll(() => {
  files = installPacked(project);
}, 300_000);

test('contains what is needed, and nothing else', () => {
  expect(files).toEqual(
    expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'examples/my-strategy.ts']),
  );
  for (const file of [
    'index.js',
    'index.d.ts',
    'bench/index.js',
    'bench/index.d.ts',
    'bench/strategy-worker.js',
    'lockstep/batches/worker.js',
    'cli/main.js',
  ])
    expect(files).toContain(`dist/src/${file}`);
  expect(
    files.filter((file) => !/^(dist|examples)\/|^(LICENSE|README\.md|package\.json)$/.test(file)),
  ).toEqual([]);
});

test('npx lockstep-gpu bench --smoke', () => {
  const table = run('npx', ['lockstep-gpu', 'bench', '--smoke']);
  // Four runs each, all stopped at the first chance, step 600: the training accuracy has been 1 since step 400.
  for (const config of ['n32-k8', 'n50-k8', 'n64-k8'])
    expect(table).toMatch(new RegExp(`^${config} +4 .* 600 `, 'm'));
});

test('a strategy file that imports the package', () => {
  const example = join('node_modules', 'lockstep-gpu', 'examples', 'my-strategy.ts');
  const size = ['--config', 'n8-k2', '--hidden-width', '16', '--max-steps', '100'];
  const flags = ['--smoke', ...size, '--json'];
  const json = run('npx', ['lockstep-gpu', 'bench', '--strategy', example, ...flags]);
  expect(JSON.parse(json)).toMatchObject({ strategy: 'my-strategy', complete: true });
});

test('the library and the bench layer as imports', () => {
  const script = `
    import { openDevice } from 'lockstep-gpu';
    import { evaluate, makeTask, strategyNamed } from 'lockstep-gpu/bench';
    const device = await openDevice();
    const task = makeTask('n8-k2', 'smoke', { hiddenWidth: 16, maxSteps: 20 });
    for await (const event of evaluate(device, strategyNamed('starter'), { task })) {
      if (event.type === 'end') console.log(event.summary.metrics.num_runs, device.info.description !== '');
    }
    device.destroy();`;
  writeFileSync(join(project, 'import.js'), script);
  expect(run(process.execPath, ['import.js']).trim()).toBe('4 true');
});

test('the types compile in a strict project', () => {
  writeFileSync(
    join(project, 'use.ts'),
    `import { openDevice, type Device } from 'lockstep-gpu';
     import { defineStrategy, type Task } from 'lockstep-gpu/bench';
     export const device: Promise<Device> = openDevice();
     export const width = (task: Task): number => task.hiddenWidth;
     export default defineStrategy({
       name: 'typed',
       initModel(model) { model.hidden.weight.data.fill(0); },
       makeDataset: (secret) => [[[secret.length & 1]], [0]],
       getOptimizerConfig: () => ({ lr: 1, wd: 0, beta1: 0.9, beta2: 0.9 }),
     });`,
  );
  // Nothing but what the package brings: no @types/node, no @webgpu/types; `scripts/check-types.mjs` has more compilers.
  const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022'];
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const lib of ['es2022', 'es2022,dom']) {
    const rest = ['--lib', lib, '--module', 'nodenext', 'use.ts'];
    expect(run(process.execPath, [compiler, ...flags, ...rest])).toBe('');
  }
});

test('an editor shows documentation over every export, and over `new` before every class', () => {
  const shown = hovers(project, {
    lockstep: 'lockstep-gpu',
    bench: 'lockstep-gpu/bench',
    shards: 'lockstep-gpu/shards',
  });
  expect(shown.get('new lockstep.nn.Linear')).toMatch(/^`x \[\.\.\., in\] @ transpose\(weight\) \+ bias`/);
  for (const name of [
    'new lockstep.optim.AdamW',
    'lockstep.openDevice',
    'lockstep.nn.init.zeros_',
    'bench.evaluate',
  ])
    expect([...shown.keys()]).toContain(name);
  expect([...shown].filter(([, documentation]) => documentation.trim() === '')).toEqual([]);
});

test('what is marked @internal is not in the declarations', () => {
  const folder = join(project, 'node_modules', 'lockstep-gpu');
  const declarations = files.filter((file) => file.endsWith('.d.ts'));
  for (const file of declarations)
    expect(readFileSync(join(folder, file), 'utf8')).not.toContain('@internal');
  const device = readFileSync(join(folder, 'dist/src/gpu/device.d.ts'), 'utf8');
  expect(device).toContain('allocate(');
  expect(device).not.toMatch(/\b(commands|pool):/);
});

test('the examples of the library compile in a strict project', () => {
  copyExamples(project);
  const sources = EXAMPLES.map((name) => `${name}.ts`);
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--outDir', 'out'];
  const types = ['--types', 'node', '--typeRoots', join(repository, 'node_modules', '@types')];
  expect(run(process.execPath, [compiler, ...options, ...types, ...sources])).toBe('');
});

test.each(RUN)('the example %s runs, in Node', (name) => {
  expect(run(process.execPath, [join('out', `${name}.js`)])).toMatch(LEARNED[name]);
});

/** The example as a bundler makes it for browsers: its code, and the modules that went in. */
async function bundled(name: string) {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(project, 'out', `${name}.js`)],
    absWorkingDir: project,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return { code: outputFiles[0].text, inputs: Object.keys(metafile.inputs), imports };
}

test.each(EXAMPLES)('bundled for browsers, %s holds nothing of Dawn’s package or of Node', async (name) => {
  const { inputs, imports } = await bundled(name);
  expect(inputs.some((path) => path.includes('node_modules/lockstep-gpu/dist/'))).toBe(true);
  expect(inputs.filter((path) => path.includes('node_modules/webgpu'))).toEqual([]);
  expect(imports).toEqual([]);
});

test('an example bundled for browsers runs on navigator.gpu', async () => {
  const { code } = await bundled('xor');
  const page = `
    import { create, globals } from 'webgpu';
    Object.assign(globalThis, globals);
    Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) } });
    await import('./bundle.js');`;
  writeFileSync(join(project, 'bundle.js'), code);
  writeFileSync(join(project, 'page.js'), page);
  expect(run(process.execPath, ['page.js'])).toMatch(LEARNED.xor);
});
