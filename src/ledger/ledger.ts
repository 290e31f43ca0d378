// What is known of every crash: the only state of the daemon, and all that metrics show.
// A crash is one death of one boot, however many files describe it. This ledger lives in memory and
// is gone with the process; the interface is what a durable one will stand behind.

import { createHash } from 'node:crypto';
import type { Failure, FailureReason } from '../failure.ts';
import type { CrashReport } from '../vmcore/index.ts';

/** Files remembered of one crash, and failures shown: the newest so many. */
const MAX_FILES = 8;
const MAX_FAILURES = 100;

export interface Crash {
  readonly id: string;
  /** The host that crashed, by its own name. */
  readonly host: string;
  readonly report: CrashReport;
  /** Files that describe it, newest first. */
  readonly paths: readonly string[];
  /** When it became known, Unix seconds. */
  readonly recordedSeconds: number;
}

/** A file, and when its answer came in, Unix seconds. */
interface RecordedFile {
  readonly path: string;
  readonly recordedSeconds: number;
}

export type RecordedFailure = RecordedFile & Failure;

export interface Ledger {
  /**
   * Take in the report of one file. A crash that is known already is not counted again; a report
   * that says more of it than the one before replaces that. A file without counters is counted by
   * the reason why.
   */
  record(report: CrashReport, file: RecordedFile): void;
  /** Take in a file that could not be decoded. */
  recordFailure(failure: RecordedFailure): void;
  /** Every distinct crash. */
  crashes(): Iterable<Crash>;
  /** Files that gave no counters though they should have, by reason. */
  failures(): ReadonlyMap<FailureReason, number>;
  /** The newest of them, oldest first; a file that was decoded since is not among them. */
  recentFailures(): Iterable<RecordedFailure>;
  /** Files of kernels that keep no counters. */
  dumpsWithoutHwerr(): number;
}

export function memoryLedger(): Ledger {
  const crashes = new Map<string, Crash>();
  const failures = new Map<FailureReason, number>();
  const recent = new Map<string, RecordedFailure>();
  let withoutHwerr = 0;
  const recordFailure = (failure: RecordedFailure): void => {
    const { reason, path } = failure;
    failures.set(reason, (failures.get(reason) ?? 0) + 1);
    recent.delete(path);
    recent.set(path, failure);
    const [oldest] = recent.keys();
    if (recent.size > MAX_FAILURES && oldest !== undefined) recent.delete(oldest);
  };
  return {
    record(report, file): void {
      const id = crashId(report);
      crashes.set(id, taken(crashes.get(id), { id, report, file }));
      recent.delete(file.path);
      if (report.hwerr.kind === 'present') return;
      const { reason } = report.hwerr;
      if (reason === 'kernel_without_hwerr') withoutHwerr++;
      else recordFailure({ ...file, reason, message: 'the dump gives no counters' });
    },
    recordFailure,
    crashes: () => crashes.values(),
    failures: () => failures,
    recentFailures: () => recent.values(),
    dumpsWithoutHwerr: () => withoutHwerr,
  };
}

interface Taken {
  readonly id: string;
  readonly report: CrashReport;
  readonly file: RecordedFile;
}

function taken(known: Crash | undefined, { id, report, file }: Taken): Crash {
  const keeps = known !== undefined && !saysMore(report, known.report);
  const others = known?.paths.filter((path) => path !== file.path) ?? [];
  return {
    id,
    host: report.nodename ?? known?.host ?? 'unknown',
    report: keeps ? known.report : report,
    paths: [file.path, ...others].slice(0, MAX_FILES),
    recordedSeconds: known?.recordedSeconds ?? file.recordedSeconds,
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
