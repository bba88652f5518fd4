/**
 * `npm run setup`: the dependencies, then a WebGPU adapter. Where the machine has none and apt can give it one, this
 * installs Mesa's CPU Vulkan driver, and the package with which tests compile for AMD's cards; elsewhere it says what to
 * install. `npm run setup -- --schedulers` also installs what the tests of docs/cluster.md start: Slurm and GNU parallel.
 * Plain JavaScript without dependencies, because it runs before `npm ci`. Safe to run again: each step looks before it acts.
 *
 * Exit codes: 0 ready, 1 a step failed, 2 no adapter, 130 interrupted.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backportsCandidates, backportsEntry, hasBackports, parseSources } from './apt-sources.mjs';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const DRIVER = 'mesa-vulkan-drivers';
/** Fakes a graphics card for the driver's compiler (benchmarks/cards/card.ts). */
const FAKED_CARDS = 'mesa-drm-shim';
/** A Slurm of one node (test/slurm/) and GNU parallel. */
const SCHEDULERS = ['munge', 'slurmctld', 'slurmd', 'slurm-client', 'parallel'];
/** Dawn takes the CPU driver from this Mesa on; older ones lack Vulkan features that it requires. */
const OLDEST_MESA = 24;
const ADDED_SOURCE = '/etc/apt/sources.list.d/lockstep-gpu-backports.sources';

/** A step that went wrong in a way the user can act on: no stack trace, only the message. */
class SetupError extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @param {string} message */
const say = (message) => console.log(`setup: ${message}`);

/** After an interrupt we wait for the child to end; apt, in a process group of its own, is never cut off half-way. */
let interrupted = false;
/** @type {import('node:child_process').ChildProcess | undefined} */
let current;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    interrupted = true;
    current?.kill(signal);
  });
}

/**
 * Runs a command to its end. `quiet` collects its output instead of showing it.
 * @param {string} command @param {string[]} args @param {{ quiet?: boolean, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
async function run(command, args, { quiet = false, env = process.env } = {}) {
  const isApt = command === 'apt-get';
  const child = spawn(command, args, {
    cwd: REPOSITORY,
    detached: isApt,
    env,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32' && command === 'npm',
  });
  current = isApt ? undefined : child;
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve(127);
    });
    child.on('close', (status) => resolve(status ?? 1));
  });
  if (interrupted) throw new SetupError('interrupted; run it again to go on', 130);
  return { code, output };
}

async function installDependencies() {
  say('npm ci');
  const npm = process.env.npm_execpath;
  const viaNode = npm !== undefined && /\.c?js$/.test(npm);
  const { code } = await (viaNode ? run(process.execPath, [npm, 'ci']) : run('npm', ['ci']));
  if (code !== 0) throw new SetupError(`npm ci failed with exit code ${code}; its message is above`);
}

/**
 * Asks Dawn for an adapter in a process of its own: a driver that dies takes only that process along, and a driver
 * installed since is seen by the next one.
 * @returns {Promise<string | undefined>} what the adapter calls itself
 */
async function findAdapter() {
  const script = `
    const { create } = await import('webgpu');
    globalThis.keep = create([]);
    const adapter = await globalThis.keep.requestAdapter();
    const device = await adapter?.requestDevice();
    if (device) console.log('ADAPTER ' + (adapter.info.description || adapter.info.device || adapter.info.vendor));
    device?.destroy();
    process.exit(device ? 0 : 3);`;
  const { output } = await run(process.execPath, ['--input-type=module', '-e', script], { quiet: true });
  return /^ADAPTER (.*)$/m.exec(output)?.[1];
}

/** @returns {Record<string, string>} */
function osRelease() {
  if (!existsSync('/etc/os-release')) return {};
  const lines = readFileSync('/etc/os-release', 'utf8').matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm);
  return Object.fromEntries([...lines].map(([, key, value]) => [key, value]));
}

function readAptSources() {
  const parts = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list'].concat(
    existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [],
  );
  return files
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .flatMap((file) => parseSources(file, readFileSync(file, 'utf8')));
}

/** @param {string[]} args @param {boolean} quiet */
const apt = (args, quiet = true) =>
  run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    quiet,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  });

/** The Mesa major version that apt would install, 0 for none. @param {string} [release] */
async function mesaCandidate(release) {
  const env = { ...process.env, LC_ALL: 'C' };
  const { output } = await run('apt-cache', [...(release ? ['-t', release] : []), 'policy', DRIVER], {
    quiet: true,
    env,
  });
  return Number(/Candidate: (?:\d+:)?(\d+)\./.exec(output)?.[1] ?? 0);
}

/**
 * Makes Debian's backports known to apt, unless they are.
 * @param {string} codename @returns {Promise<boolean>} whether they now hold a Mesa that is new enough
 */
async function enableBackports(codename) {
  const release = `${codename}-backports`;
  const sources = readAptSources();
  if (hasBackports(sources, codename)) return (await mesaCandidate(release)) >= OLDEST_MESA;
  for (const source of backportsCandidates(sources, codename)) {
    say(`adding ${ADDED_SOURCE}: ${release} from ${source.uris.join(' ')}`);
    writeFileSync(ADDED_SOURCE, backportsEntry(source, codename));
    let usable = false;
    try {
      usable = (await apt(['update'])).code === 0 && (await mesaCandidate(release)) >= OLDEST_MESA;
    } finally {
      if (!usable) rmSync(ADDED_SOURCE, { force: true });
    }
    if (usable) return true;
    say(`that archive has no ${release} with Mesa ${OLDEST_MESA}; removed ${ADDED_SOURCE} again`);
  }
  return false;
}

/** Whether this is a system with apt, and we are root. */
function mayInstall() {
  const { ID = '', ID_LIKE = '' } = osRelease();
  const family = `${ID} ${ID_LIKE}`.split(' ');
  const ours = process.platform === 'linux' && (family.includes('debian') || family.includes('ubuntu'));
  return ours && process.getuid?.() === 0;
}

/**
 * Installs Mesa's CPU Vulkan driver through apt where that is possible.
 * @returns {Promise<boolean>} false where this system is not one that we know how to change
 */
async function installDriver() {
  const { ID = '', VERSION_CODENAME = '' } = osRelease();
  if (!mayInstall()) return false;
  say('no WebGPU adapter; looking for a CPU Vulkan driver in this system’s package archive (apt-get update)');
  const update = await apt(['update']);
  if (update.code !== 0)
    say(`apt-get update failed, going on with the lists at hand:\n${update.output.trim()}`);
  /** @type {string[]} */
  let target = [];
  if ((await mesaCandidate()) < OLDEST_MESA) {
    if (ID !== 'debian' || !(await enableBackports(VERSION_CODENAME))) return false;
    target = ['-t', `${VERSION_CODENAME}-backports`];
  }
  const { code, output } = await install([...target, DRIVER]);
  if (code !== 0) throw new SetupError(`apt-get could not install ${DRIVER}:\n${output.trim()}`);
  return true;
}

/** Installs what the check of GPU kernels needs beside Mesa's drivers; nothing else misses it. */
async function installFakedCards() {
  if (!mayInstall() || process.arch !== 'x64') return;
  if (!(await isInstalled(DRIVER)) || (await isInstalled(FAKED_CARDS))) return;
  if ((await install([FAKED_CARDS])).code !== 0)
    say(`no ${FAKED_CARDS} here; the test that compiles GPU kernels without a GPU will be skipped`);
}

/** Installs what `npm run test:slurm` and the test of docs/cluster.md start. */
async function installSchedulers() {
  const missing = [];
  for (const name of SCHEDULERS) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return;
  if (!mayInstall())
    throw new SetupError(`--schedulers needs apt, and root; install by hand: ${missing.join(', ')}`);
  const { code, output } = await install(missing);
  if (code !== 0) throw new SetupError(`apt-get could not install ${missing.join(', ')}:\n${output.trim()}`);
}

/** @param {string} name Of a package. */
const isInstalled = async (name) =>
  (await run('dpkg-query', ['--listfiles', name], { quiet: true })).code === 0;

/** With the lists of packages at hand, or new ones where these do not do. @param {string[]} packages Names; `-t RELEASE` before them. */
async function install(packages) {
  const args = ['install', '-y', '--no-install-recommends', ...packages];
  say(`apt-get ${args.join(' ')}`);
  const first = await apt(args);
  return first.code !== 0 && (await apt(['update'])).code === 0 ? apt(args) : first;
}

/** The library's own words, loaded from its source: nothing is built yet. */
async function noAdapterParagraph() {
  const { createJiti } = await import('jiti');
  const module = await createJiti(import.meta.url, { fsCache: false }).import('../src/adapter/no-adapter.ts');
  return /** @type {{ noAdapterMessage(platform: string): string }} */ (module).noAdapterMessage(
    process.platform,
  );
}

async function setup() {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new SetupError(`Node 20 or newer is needed; this is ${process.versions.node}`);
  }
  const [unknown] = process.argv.slice(2).filter((flag) => flag !== '--schedulers');
  if (unknown !== undefined)
    throw new SetupError(`there is no flag ${unknown}; --schedulers is the only one`);
  await installDependencies();
  let adapter = await findAdapter();
  if (adapter === undefined && (await installDriver())) adapter = await findAdapter();
  if (adapter === undefined) throw new SetupError(await noAdapterParagraph(), 2);
  await installFakedCards();
  if (process.argv.includes('--schedulers')) await installSchedulers();
  say(`ready; WebGPU adapter: ${adapter}`);
}

try {
  await setup();
} catch (error) {
  const known = error instanceof SetupError;
  const message = known ? error.message : /** @type {Error} */ (error).stack;
  console.error(known && error.exitCode === 2 ? message : `setup: ${message}`);
  process.exitCode = known ? error.exitCode : 1;
}
