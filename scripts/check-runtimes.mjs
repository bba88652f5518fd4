/**
 * Runs the packed package under Node 20, 22 and 24, Bun and Deno, each from its npm package, in an empty project: a short
 * training and reads, checked and timed. Takes a few minutes, a network and 1 GB of disk.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODES = ['20', '22', '24'];

/** Prints one line of JSON: the runtime, the last loss, and the median of how long a read took. */
const PROGRAM = `
import { bceLoss, nn, openDevice, optim, tensor } from 'lockstep-gpu';
const device = await openDevice();
const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
const y = tensor([[0], [1], [1], [0]]);
const model = new nn.Sequential(new nn.Linear(2, 32), new nn.Tanh(), new nn.Linear(32, 1), new nn.Sigmoid());
const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 });
const reads = [];
let last = 1;
for (let step = 0; step < 200; step++) {
  optimizer.zeroGrad();
  const loss = bceLoss(model.forward(x), y);
  loss.backward();
  optimizer.step();
  if (step % 10 !== 9) continue;
  const begin = performance.now();
  last = await loss.item();
  reads.push(performance.now() - begin);
}
device.destroy();
const { deno, bun, node } = process.versions;
const runtime = deno ? 'Deno ' + deno : bun ? 'Bun ' + bun : 'Node ' + node;
const readMs = reads.sort((a, b) => a - b)[reads.length >> 1];
console.log(JSON.stringify({ runtime, last, readMs }));
`;
/** A read that takes longer is not waited for in the right way. */
const SLOW_MS = 500;

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'lockstep-runtimes-'));
const windows = process.platform === 'win32';
const npm = (/** @type {string[]} */ args, cwd = project) =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', shell: windows, stdio: ['ignore', 'pipe', 'pipe'] });

/**
 * The first of these that is there and answers.
 * @param {string[]} places
 */
const works = (places) =>
  places
    .map((place) => join(project, 'node_modules', place))
    .find((path) => existsSync(path) && spawnSync(path, ['--version']).status === 0);

let failures = 0;
try {
  // No runtime reads the declarations, which take longest to build.
  npm(['run', '--silent', 'build:js'], root);
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', project];
  const [{ filename }] = JSON.parse(npm(packing, root));
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(project, 'program.js'), PROGRAM);
  const nodes = NODES.map((version) => `node-${version}@npm:node@${version}`);
  npm(['install', '--no-audit', '--no-fund', join(project, filename), 'webgpu', ...nodes, 'bun', 'deno']);
  const exe = windows ? '.exe' : '';
  const runtimes = [
    ...NODES.map((version) => ({
      name: `Node ${version}`,
      path: works([`node-${version}/bin/node${exe}`]),
      args: ['program.js'],
    })),
    // Their install steps put the programs in place; where those are not allowed to run, they lie in a package of their own.
    {
      name: 'Bun',
      path: works(['bun/bin/bun.exe', `@oven/bun-linux-x64/bin/bun`, `@oven/bun-darwin-aarch64/bin/bun`]),
      args: ['program.js'],
    },
    {
      name: 'Deno',
      path: works([
        `deno/deno${exe}`,
        '@deno/linux-x64-glibc/deno',
        '@deno/linux-arm64-glibc/deno',
        '@deno/darwin-arm64/deno',
        '@deno/win32-x64/deno.exe',
      ]),
      args: ['run', '--allow-all', '--node-modules-dir=manual', 'program.js'],
    },
  ];
  for (const { name, path, args } of runtimes) {
    if (!path) {
      failures++;
      console.log(`FAIL ${name}: its npm package has no program for this machine`);
      continue;
    }
    const { status, stdout, stderr } = spawnSync(path, args, {
      cwd: project,
      encoding: 'utf8',
      timeout: 180_000,
    });
    const result = /^\{.*\}$/m.test(stdout ?? '')
      ? JSON.parse(/^\{.*\}$/m.exec(stdout)?.[0] ?? '')
      : undefined;
    const quiet = stderr === '';
    const ok = status === 0 && result?.last < 0.01 && result.readMs < SLOW_MS && quiet;
    if (!ok) failures++;
    const said = result
      ? `${result.runtime}: loss ${result.last.toFixed(4)}, ${result.readMs.toFixed(1)} ms a read`
      : `${name}: ${status === null ? 'ended by a signal' : `exit ${status}`}`;
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${said}`);
    if (!ok && stderr) console.log(stderr.slice(0, 2000));
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
