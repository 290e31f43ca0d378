// What is known of every crash: the only state of the daemon, and all that metrics show.
// A crash is one death of one boot, however many files describe it. This ledger lives in memory and
// is gone with the process; the interface is what a durable one will stand behind.

import { createHash } from 'node:crypto';
import type { FailureReason } from '../failure.ts';
import type { CrashReport } from '../vmcore/index.ts';

export interface Crash {
  readonly id: string;
  readonly report: CrashReport;
}

export interface Ledger {
  /**
   * Take in the report of one file. A crash that is known already is not counted again; a report
   * that says more of it than the one before replaces that. A file without counters is counted by
   * the reason why.
   */
  record(report: CrashReport): void;
  /** Take in a file that could not be decoded. */
  recordFailure(reason: FailureReason): void;
  /** Every distinct crash. */
  crashes(): Iterable<Crash>;
  /** Files that gave no counters though they should have, by reason. */
  failures(): ReadonlyMap<FailureReason, number>;
  /** Files of kernels that keep no counters. */
  dumpsWithoutHwerr(): number;
}

export function memoryLedger(): Ledger {
  const crashes = new Map<string, Crash>();
  const failures = new Map<FailureReason, number>();
  let withoutHwerr = 0;
  const recordFailure = (reason: FailureReason): void => {
    failures.set(reason, (failures.get(reason) ?? 0) + 1);
  };
  return {
    record(report): void {
      const id = crashId(report);
      const known = crashes.get(id);
      if (known === undefined || saysMore(report, known.report)) crashes.set(id, { id, report });
      if (report.hwerr.kind === 'present') return;
      if (report.hwerr.reason === 'kernel_without_hwerr') withoutHwerr++;
      else recordFailure(report.hwerr.reason);
    },
    recordFailure,
    crashes: () => crashes.values(),
    failures: () => failures,
    dumpsWithoutHwerr: () => withoutHwerr,
  };
}

/**
 * Which crash it is, by content alone: the boot id; failing that, a digest of VMCOREINFO, which
 * holds the time of the crash, and of the host's name.
 */
export function crashId(report: CrashReport): string {
  if (report.bootId !== null) return report.bootId;
  const { vmcoreinfoText, nodename } = report;
  return createHash('sha256')
    .update(`${vmcoreinfoText}\0${nodename ?? ''}`)
    .digest('hex');
}

/** Whether `next` may replace `known`: no counter may go down, and something must be gained. */
function saysMore(next: CrashReport, known: CrashReport): boolean {
  if (next.hwerr.kind !== 'present') return false;
  if (known.hwerr.kind !== 'present') return true;
  const before = known.hwerr.categories;
  const after = next.hwerr.categories;
  const noneLess = before.every(({ count }, i) => (after[i]?.count ?? 0) >= count);
  const someMore = before.some(({ count }, i) => (after[i]?.count ?? 0) > count);
  return noneLess && (someMore || (known.incomplete && !next.incomplete));
}
