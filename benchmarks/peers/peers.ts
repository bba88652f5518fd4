/**
 * Finds the peers that are installed here, starts each in a process of its own on first use, and says how to get the
 * others.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PeerProcess } from './process.js';

const here = dirname(fileURLToPath(import.meta.url));
/** PyTorch's threads. The referee has one; a process that stacks all models may use every core. */
const ONE_THREAD = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };

const HOW_TO_GET = {
  torch:
    'PyTorch: not found. apt-get install python3-torch libopenblas0-pthread, or name a python3 that has it in LOCKSTEP_PYTHON.',
  'torch-2':
    'A current PyTorch: not found. Name a python3 with what benchmarks/peers/requirements.txt lists in LOCKSTEP_PEERS_PYTHON.',
  jax: 'JAX: not found. Name a python3 with what benchmarks/peers/requirements.txt lists in LOCKSTEP_PEERS_PYTHON.',
  'jax-js': 'jax-js: not installed. npm ci --prefix benchmarks/peers',
  tfjs: 'TensorFlow.js: not installed. npm ci --prefix benchmarks/peers',
};

export type Peer = keyof typeof HOW_TO_GET;
export type ScriptPeer = 'jax-js' | 'tfjs';
/** `one` and `other` have a thread each, `wide` has all cores. */
export type Threads = 'one' | 'other' | 'wide';

const PACKAGES: Record<ScriptPeer, string> = {
  'jax-js': '@jax-js/jax',
  tfjs: '@tensorflow/tfjs-backend-webgpu',
};

/** The first python3 that has a package. */
const pythonWith = (name: string, ...candidates: (string | undefined)[]): string | undefined =>
  candidates.find((python) => python && spawnSync(python, ['-c', `import ${name}`]).status === 0);

export class Peers {
  /** The python3 of each peer that is one, where it is found. */
  readonly #pythons: Partial<Record<Peer, string>>;
  readonly #open = new Map<string, PeerProcess>();

  constructor() {
    const { LOCKSTEP_PYTHON, LOCKSTEP_PEERS_PYTHON: current } = process.env;
    this.#pythons = {
      torch: pythonWith('torch', LOCKSTEP_PYTHON, 'python3', '/usr/bin/python3'),
      'torch-2': pythonWith('torch', current),
      jax: pythonWith('jax', current),
    };
  }

  /** A line for each peer that is not installed. */
  missing(): string[] {
    return Object.entries(HOW_TO_GET).flatMap(([name, line]) => (this.has(name as Peer) ? [] : [line]));
  }

  has(peer: Peer): boolean {
    if (peer !== 'jax-js' && peer !== 'tfjs') return this.#pythons[peer] !== undefined;
    return existsSync(join(here, 'node_modules', PACKAGES[peer], 'package.json'));
  }

  /** The parity evaluation's network in PyTorch; undefined where there is no PyTorch. */
  torch(threads: Threads): PeerProcess | undefined {
    return this.#python('torch', 'torch_peer.py', threads);
  }

  /** The parity evaluation's network in JavaScript. */
  script(peer: ScriptPeer): PeerProcess | undefined {
    return this.#script(peer, `${peer}.ts`);
  }

  /** Networks of any shape. */
  networks(peer: Peer, threads: Threads = 'wide'): PeerProcess | undefined {
    if (peer === 'jax-js' || peer === 'tfjs') return this.#script(peer, `${peer}-networks.ts`);
    return this.#python(peer, peer === 'jax' ? 'jax_networks.py' : 'torch_networks.py', threads);
  }

  #python(peer: Peer, file: string, threads: Threads): PeerProcess | undefined {
    const python = this.#pythons[peer];
    if (!python) return undefined;
    const env = threads === 'wide' ? {} : ONE_THREAD;
    return this.#started(
      `${peer} ${file} ${threads}`,
      () => new PeerProcess(peer, python, [join(here, file)], env),
    );
  }

  #script(peer: ScriptPeer, file: string): PeerProcess | undefined {
    if (!this.has(peer)) return undefined;
    const jiti = join(
      dirname(createRequire(import.meta.url).resolve('jiti/package.json')),
      'lib/jiti-cli.mjs',
    );
    return this.#started(file, () => new PeerProcess(peer, process.execPath, [jiti, join(here, file)]));
  }

  #started(name: string, start: () => PeerProcess): PeerProcess {
    const known = this.#open.get(name) ?? start();
    this.#open.set(name, known);
    return known;
  }

  /** Ends all that were started. They start again when they are asked for. */
  close(): void {
    for (const peer of this.#open.values()) peer.close();
    this.#open.clear();
  }
}
