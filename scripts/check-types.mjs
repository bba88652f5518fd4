/**
 * Compiles a program against the packed package, in an empty project, with the library's declarations checked too
 * (`skipLibCheck: false`): TypeScript 5.9, 6 and 7, with and without `dom`, in every way modules are resolved. Takes a
 * minute and a network; the tests do the same with the repository's own TypeScript.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS = ['5.9', '6', '7'];
const LIBRARIES = ['es2022', 'es2022,dom'];
const MODULES = [
  ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ['--module', 'node16'],
  ['--module', 'nodenext'],
];

/** With `dom`, TypeScript 6 and newer know WebGPU themselves: the device is theirs, not one of ours. */
const PROGRAM = `
import * as bench from 'lockstep-gpu/bench';
import * as lockstep from 'lockstep-gpu';
import * as shards from 'lockstep-gpu/shards';
export const open: Promise<lockstep.Device> = lockstep.openDevice();
export const width = (task: bench.Task): number => task.hiddenWidth;
export const mine = (results: shards.ShardResults<number>): number[] => results.runsOf({ index: 1, count: 2 });
export const most = (device: lockstep.Device): number => device.limits.maxBufferSize;
export const why = async (device: lockstep.Device): Promise<string> => (await device.gpu.lost).message;
export const layer = (device: lockstep.Device): lockstep.nn.Linear => new lockstep.nn.Linear(2, 3, { device });
`;
const WITH_DOM = `
import type { Device } from 'lockstep-gpu';
export const own = (device: Device): GPUDevice => device.gpu;
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'lockstep-types-'));
const shell = process.platform === 'win32';
let failures = 0;
try {
  const npm = (/** @type {string[]} */ args, cwd = project) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', shell, stdio: ['ignore', 'pipe', 'pipe'] });
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', project], root));
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const compilers = VERSIONS.map((version) => `ts-${version}@npm:typescript@${version}`);
  npm(['install', '--no-audit', '--no-fund', '--omit=peer', join(project, filename), ...compilers]);
  writeFileSync(join(project, 'program.ts'), PROGRAM);
  writeFileSync(join(project, 'with-dom.ts'), WITH_DOM);
  for (const version of VERSIONS) {
    for (const lib of LIBRARIES) {
      for (const module of MODULES) {
        const knowsWebGpu = lib.includes('dom') && version !== '5.9';
        const sources = ['program.ts', ...(knowsWebGpu ? ['with-dom.ts'] : [])];
        const compiler = join(project, 'node_modules', `ts-${version}`, 'bin', 'tsc');
        const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', lib];
        const { status, stdout } = spawnSync(process.execPath, [compiler, ...flags, ...module, ...sources], {
          cwd: project,
          encoding: 'utf8',
        });
        if (status !== 0) failures++;
        console.log(`${status === 0 ? 'ok  ' : 'FAIL'} TypeScript ${version}, ${lib}, ${module.join(' ')}`);
        if (status !== 0) console.log(stdout.slice(0, 2000));
      }
    }
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
