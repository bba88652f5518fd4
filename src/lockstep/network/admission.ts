/**
 * Admits runs of networks: takes the next one, compiles the kernels that it needs, and gives it a place, if there is room and it may
 * begin now. Where runs lie is run-places.ts's; the trainer says who trains.
 */
import type { Schedule } from '../../../shaders/network/step.wgsl.js';
import type { NetworkKernels } from '../../kernels/network/kernel.js';
import { showNetwork } from '../../network/network.js';
import { trainingFlops } from '../../network/program.js';
import { LockstepError } from '../../platform/errors.js';
import type { AcceptedNetworkRun } from './accept.js';
import type { ProbeSums } from './probe-sums.js';
import { NetworkProgress } from './progress.js';
import type { RunPlaces } from './run-places.js';
import type { NetworkRuns } from './runs.js';
import type { NetworkLockstepEvent, NetworkLockstepOptions } from './types.js';

/** What runs need of the device, and who makes it. */
interface Makers {
  readonly places: RunPlaces;
  readonly kernels: NetworkKernels;
  readonly probes: ProbeSums;
}

export class NetworkAdmission {
  readonly #runs: NetworkRuns<AcceptedNetworkRun>;
  readonly #makers: Makers;
  readonly #options: NetworkLockstepOptions;

  constructor(runs: NetworkRuns<AcceptedNetworkRun>, makers: Makers, options: NetworkLockstepOptions) {
    this.#runs = runs;
    this.#makers = makers;
    this.#options = options;
  }

  /**
   * The next run, in its place; undefined if none begins now. If others train, it does not wait for a run that has not come yet.
   *
   * @param active The runs under way.
   */
  async next(active: readonly NetworkProgress[], schedule: Schedule): Promise<NetworkProgress | undefined> {
    const { mostRuns = Number.POSITIVE_INFINITY, signal } = this.#options;
    const { logInterval = 250, pauseEvery = Number.POSITIVE_INFINITY } = this.#options;
    if (active.length >= mostRuns || signal?.aborted) return undefined;
    const next = await this.#runs.next(active.length > 0);
    if (next === undefined) return undefined;
    const { run, index } = next;
    const fits = this.#makers.places.fit(run, index);
    if (active.length > 0 && !(fits && this.#mayJoin(run, active))) {
      this.#runs.giveBack(next);
      return undefined;
    }
    await this.compile(run, index, schedule);
    return new NetworkProgress(index, run, this.#makers.places.take(run), { logInterval, pauseEvery });
  }

  /**
   * Whether a run may begin beside these. Where runs pause, it begins when others do: who pauses together then depends neither on how
   * many steps the chunk had in which a run diverged and left its place, nor on when between two pauses this one came. A run that
   * goes on from a checkpoint was beside them then.
   */
  #mayJoin({ checkpoint }: AcceptedNetworkRun, active: readonly NetworkProgress[]): boolean {
    const { pauseEvery } = this.#options;
    if (pauseEvery === undefined || checkpoint) return true;
    return active.some(({ done }) => done % pauseEvery === 0);
  }

  /** Compiles the kernels that a run needs. Errors name the run if they are about WGSL of its sampler or its probes. */
  async compile(run: AcceptedNetworkRun, index: number, schedule: Schedule): Promise<void> {
    const { places, kernels, probes } = this.#makers;
    const explained = (what: string) => (cause: unknown) => {
      if (!(cause instanceof LockstepError) || cause.code !== 'shader') throw cause;
      throw new LockstepError(cause.code, `trainLockstep: run ${index}: ${what}: ${cause.message}`, {
        cause,
      });
    };
    await probes.make(run.probes).catch(explained('the WGSL of a probe in the kernel'));
    const kind = { ...places.kernelOf(run), schedule };
    const looked = (run.evaluation?.sections ?? []).map((section) => section.data.sampler);
    for (const sampler of [run.data.sampler, ...looked.filter((one) => one !== undefined)]) {
      const made = kernels.make({ ...kind, sampler });
      await (sampler === undefined ? made : made.catch(explained("the sampler's WGSL in the kernel")));
    }
  }
}

/** Says of a run that it was admitted. */
export function planEvent({ index, program, bytes }: NetworkProgress): NetworkLockstepEvent {
  const { network, batch, part } = program;
  return {
    type: 'plan',
    run: index,
    network: showNetwork(network),
    parameters: network.parameters,
    bytes,
    flops: trainingFlops(network, batch),
    parts: Math.ceil(batch / part),
  };
}
