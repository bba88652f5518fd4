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
  'jax-js': 'jax-js: not installed. npm ci --prefix benchmarks/peers',
  tfjs: 'TensorFlow.js: not installed. npm ci --prefix benchmarks/peers',
};

const PACKAGES = { 'jax-js': '@jax-js/jax', tfjs: '@tensorflow/tfjs-backend-webgpu' };

export type ScriptPeer = keyof typeof PACKAGES;

export class Peers {
  readonly #python: string | undefined;
  readonly #open = new Map<string, PeerProcess>();

  constructor() {
    const candidates = [process.env.LOCKSTEP_PYTHON, 'python3', '/usr/bin/python3'];
    this.#python = candidates.find(
      (python) => python && spawnSync(python, ['-c', 'import torch']).status === 0,
    );
  }

  /** A line for each peer that is not installed. */
  missing(): string[] {
    const found = { torch: this.#python !== undefined, 'jax-js': this.has('jax-js'), tfjs: this.has('tfjs') };
    return Object.entries(HOW_TO_GET).flatMap(([name, line]) =>
      found[name as keyof typeof found] ? [] : [line],
    );
  }

  has(peer: ScriptPeer): boolean {
    return existsSync(join(here, 'node_modules', PACKAGES[peer], 'package.json'));
  }

  /** PyTorch: `one` and `other` have a thread each, `wide` has all cores; undefined if PyTorch is not installed. */
  torch(which: 'one' | 'other' | 'wide'): PeerProcess | undefined {
    const python = this.#python;
    if (!python) return undefined;
    const env = which === 'wide' ? {} : ONE_THREAD;
    return this.#started(
      `torch ${which}`,
      () => new PeerProcess('PyTorch', python, [join(here, 'torch_peer.py')], env),
    );
  }

  script(peer: ScriptPeer): PeerProcess | undefined {
    if (!this.has(peer)) return undefined;
    const jiti = join(
      dirname(createRequire(import.meta.url).resolve('jiti/package.json')),
      'lib/jiti-cli.mjs',
    );
    return this.#started(
      peer,
      () => new PeerProcess(peer, process.execPath, [jiti, join(here, `${peer}.ts`)]),
    );
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
