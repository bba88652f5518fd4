/**
 * A peer in a process of its own: requests go in as lines of JSON, answers come back as lines of JSON. If a peer
 * cannot answer, or ends, standard error says so and the benchmark goes on without the answer.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export class PeerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #name: string;
  readonly #waiting: ((answer: unknown) => void)[] = [];
  #ended = false;
  #said = '';

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#name = name;
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      const answer = JSON.parse(line);
      if ('error' in answer) this.#complain(answer.error);
      this.#waiting.shift()?.('error' in answer ? undefined : answer);
    });
    this.#child.stderr.on('data', (text) => {
      this.#said = `${this.#said}${text}`.slice(-2000);
    });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (code) => this.#end(`ended with ${code}: ${this.#said}`));
    this.#child.stdin.on('error', () => {}); // 'exit' tells
  }

  #complain(what: string): void {
    console.error(`${this.#name}: ${what}`);
  }

  #end(what: string): void {
    if (this.#waiting.length > 0) this.#complain(what);
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  /** Undefined if there is no answer. */
  ask<Answer>(request: object): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      if (this.#ended) return resolve(undefined);
      this.#waiting.push(resolve as (answer: unknown) => void);
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  close(): void {
    this.#child.kill();
  }
}
