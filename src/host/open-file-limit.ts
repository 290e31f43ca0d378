// The maximum number of open files of this process, connections included.

import { readFileSync } from 'node:fs';

/**
 * Returns the hard limit, because Node raises the soft limit to it at start.
 *
 * @param limits the text of /proc/PID/limits (proc_pid_limits() of fs/proc/base.c); undefined: not available.
 * @returns undefined if the text has no such line or there is no limit.
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
