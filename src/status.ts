// Between what the daemon knows and what HTTP shows: the one file to change when the ledger does.
// What leaves the process is chosen here, field by field, and no text of a dump is longer than this.

import type {
  CrashView,
  DirectoryView,
  FailureView,
  HwerrView,
  Selection,
  StatusSource,
  ThisBootView,
} from './http/views.ts';
import type { Ingest } from './ingest/ingest.ts';
import type { KexecState } from './host/kexec-state.ts';
import type { LiveState } from './host/live.ts';
import type { Crash, LedgerView, StoredReport } from './ledger/ledger.ts';
import { leadSeconds, verdictOf } from './triage.ts';
import { metricCategory } from './vmcore/index.ts';

const MAX_TEXT = 1024;

/** Where the status comes from. */
export interface StatusParts {
  readonly ledger: LedgerView;
  readonly ingest: Pick<Ingest, 'isReady' | 'status' | 'isOnDisk'>;
  readonly kexec: KexecState;
  readonly thisBoot: { readonly state: LiveState } | undefined;
  readonly suspectWindowSeconds: number;
}

/** What the daemon knows, for the HTTP side to show. */
export function statusSource(parts: StatusParts): StatusSource {
  const { ledger, ingest, kexec, thisBoot } = parts;
  const hosts = (): string[] => [...ledger.hosts()].sort();
  const ledgerProblem = (): string | undefined =>
    ledger.state.kind === 'ready' ? undefined : ledger.state.message;
  return {
    view: (asked) => ({
      recorded: ledger.total().crashes,
      ...selectedCrashes(parts, asked),
      directories: ingest.status().directories.map(directoryView),
      failures: [...ledger.recentFailures()].reverse().map(failureView),
      kdumpArmed: kexec.armed(),
      thisBoot: thisBootView(thisBoot?.state ?? { kind: 'off' }),
      hosts: hosts(),
      ledgerProblem: ledgerProblem(),
    }),
    crash: (id) => {
      const crash = ledger.crash(id);
      return crash && crashView(crash, parts);
    },
    hosts,
    notReady: () => {
      if (!ingest.isReady) return 'Waiting for the first scan';
      const problem = ledgerProblem();
      return problem === undefined ? undefined : `Ledger: ${problem}`;
    },
  };
}

function selectedCrashes(
  parts: StatusParts,
  { host, category, offset, limit }: Selection,
): { readonly crashes: readonly CrashView[]; readonly matching: number } {
  const { ledger } = parts;
  const summary = host === undefined ? ledger.total() : ledger.summary(host);
  const matching =
    category === undefined ? summary?.crashes : summary?.byCategory.get(category)?.crashes;
  const crashes: CrashView[] = [];
  // Without a category the ledger finds the first one by itself.
  let at = category === undefined ? offset : 0;
  for (const crash of ledger.crashes(host, at)) {
    if (category !== undefined && !hasErrors(crash, category)) continue;
    if (at++ < offset) continue;
    if (crashes.length < limit) crashes.push(crashView(crash, parts));
    else if (matching !== undefined) break;
  }
  return { crashes, matching: matching ?? at };
}

function crashView(crash: Crash, { ingest, suspectWindowSeconds }: StatusParts): CrashView {
  const { report } = crash;
  return {
    id: crash.id,
    host: crash.host,
    crashTimeSeconds: report.crashTimeSeconds,
    recordedSeconds: crash.recordedSeconds,
    kernelRelease: bounded(report.kernelRelease),
    arch: report.arch,
    panicMessage: report.panicMessage === null ? null : bounded(report.panicMessage),
    verdict: verdictOf(report, suspectWindowSeconds),
    hwerr: hwerrView(report),
    incomplete: report.incomplete,
    dumps: crash.paths.map((path) => ({ path, present: ingest.isOnDisk(path) })),
  };
}

function directoryView({ directory, up, lastScanSeconds }: DirectoryView): DirectoryView {
  return { directory, up, lastScanSeconds: Math.floor(lastScanSeconds) };
}

function failureView({ path, reason, message, recordedSeconds }: FailureView): FailureView {
  return { path, reason, message: bounded(message), recordedSeconds };
}

function hasErrors({ report: { hwerr } }: Crash, category: string): boolean {
  if (hwerr.kind === 'absent') return false;
  return hwerr.categories.some((one) => one.count > 0 && metricCategory(one.category) === category);
}

function hwerrView({ hwerr, crashTimeSeconds }: StoredReport): HwerrView {
  if (hwerr.kind === 'absent') return hwerr;
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
