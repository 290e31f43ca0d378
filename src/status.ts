// Between what the daemon knows and what HTTP shows: the one file to change when the ledger does.
// What leaves the process is chosen here, field by field, and no text of a dump is longer than this.

import type { CrashView, HwerrView, ThisBootView, Views } from './http/views.ts';
import type { Ingest } from './ingest/ingest.ts';
import type { KexecState } from './host/kexec-state.ts';
import type { LiveState } from './host/live.ts';
import type { Crash, LedgerStatus, LedgerView, StoredReport } from './ledger/ledger.ts';
import { leadSeconds } from './triage.ts';

const MAX_TEXT = 1024;

export interface ViewSources {
  readonly ledger: Pick<LedgerStatus, 'state'> & { readonly view: LedgerView };
  readonly ingest: Pick<Ingest, 'isReady' | 'status' | 'isOnDisk'>;
  readonly kexec: KexecState;
  readonly thisBoot: { readonly state: LiveState } | undefined;
}

export function createViews(sources: ViewSources): Views {
  const { ledger, ingest, kexec, thisBoot } = sources;
  const view = (crash: Crash): CrashView => {
    const { report } = crash;
    return {
      id: crash.id,
      host: crash.host,
      crashTimeSeconds: report.crashTimeSeconds,
      recordedSeconds: crash.recordedSeconds,
      kernelRelease: bounded(report.kernelRelease),
      arch: report.arch,
      panicMessage: report.panicMessage === null ? null : bounded(report.panicMessage),
      verdict: crash.verdict,
      hwerr: hwerrView(report),
      incomplete: report.incomplete,
      dumps: crash.paths.map((path) => ({ path, present: ingest.isOnDisk(path) })),
    };
  };
  return {
    recorded: () => ledger.view.total().crashes,
    crashes: (asked) => {
      const { crashes, matching } = ledger.view.select(asked);
      return { page: crashes.map(view), matching };
    },
    crash: (id) => {
      const crash = ledger.view.crash(id);
      return crash && view(crash);
    },
    directories: () =>
      ingest.status().directories.map(({ directory, up, lastScanSeconds }) => ({
        directory,
        up,
        lastScanSeconds: Math.floor(lastScanSeconds),
      })),
    failures: () =>
      [...ledger.view.recentFailures()]
        .reverse()
        .map(({ path, reason, message, recordedSeconds }) => ({
          path,
          reason,
          message: bounded(message),
          recordedSeconds,
        })),
    kdumpArmed: kexec.armed,
    thisBoot: () => thisBootView(thisBoot?.state ?? { kind: 'off' }),
    hosts: () => [...ledger.view.hosts()].sort(),
    ledgerProblem: () => (ledger.state.kind === 'ready' ? undefined : ledger.state.message),
    isScanned: () => ingest.isReady,
  };
}

function hwerrView({ hwerr, crashTimeSeconds }: StoredReport): HwerrView {
  if (hwerr.kind !== 'present') return { kind: 'absent', reason: hwerr.reason };
  const categories = hwerr.categories.map((category) => ({
    ...category,
    leadSeconds: leadSeconds(category, crashTimeSeconds) ?? null,
  }));
  return { kind: 'present', categories };
}

function thisBootView(live: LiveState): ThisBootView | undefined {
  switch (live.kind) {
    case 'off':
      return undefined;
    case 'unavailable':
      return { kind: 'unavailable', message: bounded(live.message) };
    case 'present':
      return live;
  }
}

/** Text of a dump, cut, and without halves of characters. */
function bounded(text: string): string {
  const cut = text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
  return cut.replace(/\p{Surrogate}/gu, '\ufffd');
}
