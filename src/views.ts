// Between what the daemon knows and what HTTP shows: the one file to change when the ledger does.
// What leaves the process is chosen here, field by field, and no text of a dump is longer than this.

import type { CrashView, HwerrView, Views } from './http/views.ts';
import type { Ingest } from './ingest/ingest.ts';
import type { KexecState } from './ingest/kexec-state.ts';
import type { Crash, Ledger } from './ledger/ledger.ts';
import { leadSeconds, verdictOf } from './triage.ts';
import type { CrashReport } from './vmcore/index.ts';

const MAX_TEXT = 1024;

export interface ViewSources {
  readonly ledger: Ledger;
  readonly ingest: Pick<Ingest, 'isReady' | 'status' | 'isOnDisk'>;
  readonly kexec: KexecState;
  readonly suspectWindowSeconds: number;
}

export function createViews({ ledger, ingest, kexec, suspectWindowSeconds }: ViewSources): Views {
  const view = (crash: Crash): CrashView => {
    const { report } = crash;
    return {
      id: crash.id,
      host: bounded(crash.host),
      crashTimeSeconds: report.crashTimeSeconds,
      recordedSeconds: Math.floor(crash.recordedSeconds),
      kernelRelease: bounded(report.kernelRelease),
      arch: report.arch,
      panicMessage: report.panicMessage === null ? null : bounded(report.panicMessage),
      verdict: verdictOf(report, suspectWindowSeconds),
      hwerr: hwerrView(report),
      incomplete: report.incomplete,
      dumps: crash.paths.map((path) => ({ path, present: ingest.isOnDisk(path) })),
    };
  };
  return {
    crashes: () => [...ledger.crashes()].sort(newestFirst).map(view),
    crash: (id) => {
      for (const crash of ledger.crashes()) if (crash.id === id) return view(crash);
      return undefined;
    },
    directories: () =>
      ingest.status().directories.map(({ directory, up, lastScanSeconds }) => ({
        directory,
        up,
        lastScanSeconds: Math.floor(lastScanSeconds),
      })),
    failures: () =>
      [...ledger.recentFailures()].reverse().map(({ path, reason, message, recordedSeconds }) => ({
        path,
        reason,
        message: bounded(message),
        recordedSeconds: Math.floor(recordedSeconds),
      })),
    kdumpArmed: kexec.armed,
    hosts: () => [...new Set([...ledger.crashes()].map(({ host }) => bounded(host)))].sort(),
    isReady: () => ingest.isReady,
  };
}

/** The crashes of a host by the name that views give it. */
export function crashesOf(ledger: Ledger, host: string): Crash[] {
  return [...ledger.crashes()].filter((crash) => bounded(crash.host) === host);
}

function hwerrView({ hwerr, crashTimeSeconds }: CrashReport): HwerrView {
  if (hwerr.kind === 'absent') return hwerr;
  const categories = hwerr.categories.map((category) => ({
    ...category,
    leadSeconds: leadSeconds(category, crashTimeSeconds) ?? null,
  }));
  return { kind: 'present', categories };
}

/** A dump of a machine that did not crash has no time of its own: it counts as of when it came in. */
function newestFirst(a: Crash, b: Crash): number {
  const time = ({ report, recordedSeconds }: Crash): number =>
    report.crashTimeSeconds ?? recordedSeconds;
  return time(b) - time(a) || (a.id < b.id ? -1 : 1);
}

/** Text of a dump, cut, and without halves of characters. */
function bounded(text: string): string {
  const cut = text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
  return cut.replace(/\p{Surrogate}/gu, '\ufffd');
}
