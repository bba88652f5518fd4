/** The machine that the figures were measured on. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Device } from 'lockstep-gpu';

export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  memoryGb: number;
  system: string;
  node: string;
  adapter: string;
  backend: string;
  /** The driver with its version, as the adapter describes it. */
  driver: string;
  subgroups: string;
  /** Average number of runnable processes in the minute before. */
  load: number;
}

export function machineOf(device: Device): Machine {
  const { info } = device;
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cpuModel(),
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    adapter: info.device,
    backend: info.backend ?? '',
    driver: info.description,
    subgroups: `${info.subgroupMinSize} to ${info.subgroupMaxSize}`,
    load: os.loadavg()[0],
  };
}

function cpuModel(): string {
  const model = os.cpus()[0]?.model.trim() ?? 'unknown';
  try {
    return /avx512f/.test(readFileSync('/proc/cpuinfo', 'utf8')) ? `${model} (AVX-512)` : model;
  } catch {
    return model; // not Linux
  }
}

export function headerOf(machine: Machine): string {
  const { date, cpu, cores, memoryGb, system, node, adapter, backend, driver, subgroups, load } = machine;
  return [
    `${date} UTC, ${cores} x ${cpu}, ${memoryGb} GB, ${system}, Node ${node}`,
    `${adapter} (${[backend, driver].filter(Boolean).join(', ')}), subgroups of ${subgroups}`,
    `load average before: ${load.toFixed(2)}${load > 0.7 ? ' (others were using this machine)' : ''}`,
  ].join('\n');
}
