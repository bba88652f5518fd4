/** Processor time of the main thread alone. Node reports it from version 23 on, Linux always. */
import { readFileSync } from 'node:fs';

/**
 * Milliseconds of processor time that the main thread has taken; undefined if nothing reports it. Call it on the main
 * thread.
 */
export function mainThreadMs(): number | undefined {
  const { threadCpuUsage } = process as { threadCpuUsage?(): NodeJS.CpuUsage };
  if (threadCpuUsage) {
    const { user, system } = threadCpuUsage.call(process);
    return (user + system) / 1e3;
  }
  try {
    // The first number is the time on a processor in nanoseconds (Documentation/scheduler/sched-stats in Linux).
    const text = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8');
    return Number(text.split(' ')[0]) / 1e6;
  } catch {
    return undefined;
  }
}
