/**
 * The owner of a lock, as the lock file names it, and whether that process still runs. A process number is not enough: numbers
 * are reused, and mean something else on another machine or in another container.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface LockOwner {
  pid: number;
  host: string;
  /** When the lock was taken, as ISO text, for people. */
  since: string;
  /** Where `pid` is valid: the host, and on Linux also its boot and container. */
  space: string;
  /** When the process began, as the system tells it; empty where it does not. */
  began: string;
  /** Tells two locks of one process apart. */
  token: string;
}

const orEmpty = (read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return '';
  }
};

/** Where process numbers are valid. Two processes that return the same share their numbers. */
function processSpace(): string {
  const boot = orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const container = orEmpty(() => readlinkSync('/proc/self/ns/pid'));
  return [hostname(), boot, container].filter(Boolean).join(' ');
}

/** State and start of a process by Linux's /proc; undefined elsewhere, and where there is no such process. */
function procStat(pid: number): { state: string; began: string } | undefined {
  // The second field, a name in parentheses, may hold anything.
  const [, rest] = /^\d+ \(.*\) (.*)$/s.exec(orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))) ?? [];
  const fields = rest?.split(' ');
  return fields && { state: fields[0], began: fields[19] };
}

/** This process, as the owner of a new lock. */
export function thisOwner(): LockOwner {
  return {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    space: processSpace(),
    began: procStat(process.pid)?.began ?? '',
    token: randomUUID(),
  };
}

/** The owner in the text of a lock file; undefined where it holds something else. */
export function ownerOf(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text) as LockOwner;
    const words = [owner.host, owner.since, owner.space, owner.began, owner.token];
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 && words.every((word) => typeof word === 'string')
      ? owner
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the owner's process runs; undefined where that cannot be seen from here. */
export function isRunning(owner: LockOwner): boolean | undefined {
  if (owner.space !== processSpace()) return undefined;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false; // EPERM: another user's, and running
  }
  const stat = procStat(owner.pid);
  // A zombie (Z) has ended. Another start time means that another process has got the number.
  return !(stat && (stat.state === 'Z' || stat.state === 'X' || (owner.began && stat.began !== owner.began)));
}
