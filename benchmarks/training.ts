/** Times a training from its first progress, and so without compiling, to the last step of the last run. */
import os from 'node:os';
import { performance } from 'node:perf_hooks';
import {
  type Device,
  type LockstepOptions,
  type NetworkLockstepOptions,
  type NetworkRun,
  trainLockstep,
} from 'lockstep-gpu';

export interface TrainingTime {
  /**
   * Microseconds of wall time for a step of one run, with epoch orders, gather, step, windows, stop rule and all
   * else.
   */
  wall: number;
  /** The same over only the last two thirds of the steps, when chunks have grown to their full size. */
  steady: number;
  /** Microseconds of processor time, of all threads of the process, for a step of one run, divided by the cores. */
  processor: number;
  /** Share of the cores that other programs had. They hold up a driver that computes on the CPU. */
  others: number;
}

/** Of the parity kernels, which one trained. */
export interface ParityTime extends TrainingTime {
  kernel: string;
}

interface Mark {
  at: number;
  steps: number;
  cpu: NodeJS.CpuUsage;
  /** Milliseconds that the machine's cores were busy. */
  busy: number;
}

function mark(steps: number): Mark {
  return {
    at: performance.now(),
    steps,
    cpu: process.cpuUsage(),
    busy: busyMs(),
  };
}

function busyMs(): number {
  return os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

export async function timeTraining(
  device: Device,
  options: LockstepOptions & { runs: readonly unknown[] },
): Promise<ParityTime> {
  let kernel = '';
  async function* noted() {
    for await (const event of trainLockstep(device, options)) {
      if (event.type === 'plan') kernel = event.kernel;
      yield event;
    }
  }
  const time = await timeEvents(noted(), options);
  return { kernel, ...time };
}

/** Of any networks. */
export const timeNetworks = (
  device: Device,
  options: NetworkLockstepOptions & { runs: readonly NetworkRun[]; maxSteps: number },
): Promise<TrainingTime> => timeEvents(trainLockstep(device, options), options);

async function timeEvents(
  events: AsyncIterable<{ type: 'progress'; steps: number } | { type: string }>,
  { runs, maxSteps }: { runs: readonly unknown[]; maxSteps: number },
): Promise<TrainingTime> {
  const all = runs.length * maxSteps;
  let start: Mark | undefined;
  let third: Mark | undefined;
  let end: Mark | undefined;
  for await (const event of events) {
    if (!('steps' in event) || event.type !== 'progress') continue;
    if (!start) start = mark(event.steps);
    else if (!third && event.steps >= all / 3) third = mark(event.steps);
    if (event.steps === all) end = mark(event.steps);
  }
  if (!start || !end || end.steps === start.steps)
    throw new Error(`${runs.length} runs of ${maxSteps} steps were over in one chunk.`);
  const steps = end.steps - start.steps;
  const ms = end.at - start.at;
  const cpu = {
    user: end.cpu.user - start.cpu.user,
    system: end.cpu.system - start.cpu.system,
  };
  const busy = end.busy - start.busy - (cpu.user + cpu.system) / 1e3;
  const late = third && third.steps < end.steps ? third : start;
  return {
    wall: (1e3 * ms) / steps,
    steady: (1e3 * (end.at - late.at)) / (end.steps - late.steps),
    processor: (cpu.user + cpu.system) / os.availableParallelism() / steps,
    others: Math.max(0, busy) / ms / os.cpus().length,
  };
}
