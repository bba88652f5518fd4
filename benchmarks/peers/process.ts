/** A peer in a process of its own: requests go in as lines of JSON, answers come back as lines of JSON. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export class PeerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];
  #ended: Error | undefined;
  #said = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#waiting.shift()?.resolve(JSON.parse(line));
    });
    this.#child.stderr.on('data', (text) => {
      this.#said = `${this.#said}${text}`.slice(-2000);
    });
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('exit', (code) => this.#end(new Error(`${command} ended with ${code}: ${this.#said}`)));
    this.#child.stdin.on('error', () => {}); // told by 'exit'
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }

  ask<Answer>(request: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#waiting.push({ resolve: resolve as (answer: unknown) => void, reject });
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  close(): void {
    this.#child.kill();
  }
}
