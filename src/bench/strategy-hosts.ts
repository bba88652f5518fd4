/**
 * The strategies of one command, each started once: all its configurations share its threads. strategy-start.ts says which
 * threads there are.
 */
import type { StrategyHost } from './strategy-host.js';
import type { StrategyReference } from './strategy-messages.js';
import { startStrategy } from './strategy-start.js';

export class StrategyHosts {
  readonly #started = new Map<string, Promise<StrategyHost>>();
  readonly #hosts: StrategyHost[] = [];

  /** The host of a strategy, which is started at the first call with its name. */
  get(name: string, reference: StrategyReference): Promise<StrategyHost> {
    let host = this.#started.get(name);
    if (!host) {
      host = startStrategy(reference);
      host.then((started) => this.#hosts.push(started)).catch(() => {});
      this.#started.set(name, host);
    }
    return host;
  }

  /** The function of a strategy that is running. */
  running(): string | undefined {
    const [running] = this.#hosts.flatMap((host) => host.running?.() ?? []);
    return running;
  }

  close(): void {
    for (const host of this.#started.values()) host.then((started) => started.close()).catch(() => {});
  }
}
