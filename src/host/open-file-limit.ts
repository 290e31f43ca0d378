// How many files the process may have open, connections among them.

import { readFileSync } from 'node:fs';

/**
 * The hard limit: Node raises the soft one to it when it starts.
 *
 * @param limits the text of /proc/PID/limits (proc_pid_limits() of fs/proc/base.c); undefined: there is none.
 * @returns undefined where the text does not say, or there is no limit.
 */
export function openFileLimit(limits: string | undefined = ownLimits()): number | undefined {
  const hard = /^Max open files +\S+ +(\d+)/m.exec(limits ?? '')?.[1];
  return hard === undefined ? undefined : Number(hard);
}

function ownLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
}
