// Converts the daemon's state to the views that HTTP shows; the one file to change when the ledger does.
// It selects field by field what leaves the process, and truncates text from dumps to MAX_TEXT.

import {
  type CrashView,
  type DirectoryView,
  type FailureView,
  type HwerrView,
  MAX_OFFERED_HOSTS,
  type SignatureView,
  type StatusSource,
  type ThisBootView,
} from './http/views.ts';
import { CSV_HEAD, crashCsv } from './ledger/crash-csv.ts';
import { countersJson } from './ledger/crash-json.ts';
import { shownPath } from './file-path.ts';
import type { Ingest } from './ingest/ingest.ts';
import type { LiveState } from './host/live.ts';
import type {
  Crash,
  LedgerStatus,
  LedgerView,
  SignatureGroup,
  StoredReport,
} from './ledger/ledger.ts';
import { machineName, signatureDigest } from './ledger/logs.ts';
import { bounded } from './text.ts';
import type { LogFindings } from './vmcore/index.ts';

const MAX_TEXT = 1024;

/** Sources of the status. */
export interface StatusParts {
  readonly ledger: Pick<LedgerStatus, 'state'> & { readonly view: LedgerView };
  readonly ingest: Pick<Ingest, 'isReady' | 'status' | 'isOnDisk'>;
  /** Whether a crash kernel is loaded; undefined if unknown. */
  readonly kdumpArmed: () => boolean | undefined;
  readonly thisBoot: { readonly state: LiveState } | undefined;
}

/** Returns the state of the daemon as HTTP shows it. */
export function statusSource(parts: StatusParts): StatusSource {
  const { ledger, ingest, kdumpArmed, thisBoot } = parts;
  const hosts = async (limit?: number): Promise<string[]> =>
    [...(await ledger.view.hosts(limit))].sort();
  const ledgerProblem = (): string | undefined =>
    ledger.state.kind === 'ready' ? undefined : ledger.state.message;
  return {
    view: async (selection) => {
      const { crashes, matching } = await ledger.view.select(selection);
      return {
        recorded: ledger.view.crashCount(),
        matching,
        crashes: crashes.map((crash) => crashView(crash, ingest)),
        directories: ingest.status().directories.map(directoryView),
        failures: [...ledger.view.recentFailures()].reverse().map(failureView),
        kdumpArmed: kdumpArmed(),
        thisBoot: thisBootView(thisBoot?.state ?? { kind: 'off' }),
        hosts: await hosts(MAX_OFFERED_HOSTS),
        ledgerProblem: ledgerProblem(),
      };
    },
    signatures: async (selection) => {
      const { groups, signatures, unsigned } = await ledger.view.signatures(selection);
      const shown = groups.map(signatureView);
      return {
        signatures: shown,
        total: signatures,
        unsigned,
        hosts: await hosts(MAX_OFFERED_HOSTS),
      };
    },
    async *csv(filter) {
      yield CSV_HEAD;
      for await (const crash of ledger.view.crashes(filter)) yield crashCsv(crash);
    },
    crash: async (id) => {
      const crash = await ledger.view.crash(id);
      return crash && crashView(crash, ingest);
    },
    hosts: () => hosts(),
    notReady: () => {
      if (!ingest.isReady) return 'Waiting for the first scan';
      const problem = ledgerProblem();
      return problem === undefined ? undefined : `Ledger: ${problem}`;
    },
  };
}

function crashView(crash: Crash, ingest: Pick<Ingest, 'isOnDisk'>): CrashView {
  const { report } = crash;
  return {
    id: crash.id,
    host: crash.host,
    crashTimeSeconds: report.crashTimeSeconds,
    recordedSeconds: crash.recordedSeconds,
    kernelRelease: bounded(report.kernelRelease, MAX_TEXT),
    arch: report.arch,
    machine: machineName(report),
    panicMessage: report.panicMessage === null ? null : bounded(report.panicMessage, MAX_TEXT),
    verdict: crash.verdict,
    signatureId: signatureDigest(report),
    hwerr: hwerrView(report),
    ...logView(report),
    incomplete: report.incomplete,
    dumps: crash.paths.map((path) => ({ path: shownPath(path), present: ingest.isOnDisk(path) })),
  };
}

function signatureView({ signature, newest, unnamed, ...numbers }: SignatureGroup): SignatureView {
  const { id, host, orderedSeconds, report } = newest;
  const { crashes, hosts, kernels, models, ofHardware } = numbers;
  return {
    signatureId: signature,
    signature: report.crash?.signature ?? '',
    ...{ crashes, ofHardware, hosts, kernels, models, unnamed },
    newest: {
      ...{ id, host, orderedSeconds },
      kernelRelease: bounded(report.kernelRelease, MAX_TEXT),
      machine: machineName(report),
    },
  };
}

/** Text needs no truncation here: the decoder has already limited it. */
function logView(report: StoredReport): LogFindings {
  const { log, hardwareEvents, hardwareEventsOmitted, loggedErrors, previousBootRecords, crash } =
    report;
  const counts = { hardwareEventsOmitted, loggedErrors, previousBootRecords };
  return { log, hardwareEvents, ...counts, crash };
}

function directoryView({ directory, up, lastScanSeconds }: DirectoryView): DirectoryView {
  return { directory, up, lastScanSeconds: Math.floor(lastScanSeconds) };
}

function failureView({ path, reason, message, recordedSeconds }: FailureView): FailureView {
  return { path: shownPath(path), reason, message: bounded(message, MAX_TEXT), recordedSeconds };
}

function hwerrView(report: StoredReport): HwerrView {
  const counters = countersJson(report);
  if (counters.kind !== 'unreadable') return counters;
  return { ...counters, message: bounded(counters.message, MAX_TEXT) };
}

function thisBootView(live: LiveState): ThisBootView | undefined {
  switch (live.kind) {
    case 'off':
      return undefined;
    case 'unavailable':
      return { kind: 'unavailable', message: bounded(live.message, MAX_TEXT) };
    case 'present':
      return live;
  }
}
