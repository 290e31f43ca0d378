// Logs a decoded dump.

import type { Logger } from '../log.ts';
import type { CrashReport } from '../vmcore/index.ts';

/** Logs one line for the dump, and one for each warning. */
export function logReport(log: Logger, path: string, report: CrashReport): void {
  const { hwerr, nodename, kernelRelease, incomplete, warnings } = report;
  const crash = { path, host: nodename ?? '', kernel: kernelRelease };
  if (hwerr.kind === 'unreadable') {
    log.error('dump not decoded', { ...crash, reason: hwerr.reason, error: hwerr.message });
  } else {
    const counters = hwerr.kind === 'present' ? 'present' : hwerr.reason;
    log.info('dump decoded', { ...crash, hwerr: counters, incomplete });
  }
  for (const warning of warnings) log.warn('unusual dump', { path, warning });
}
