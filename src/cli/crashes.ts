// hwerr-exporter crashes: what the ledger knows. It only reads, so the daemon may be running.

import { ConfigError } from '../config.ts';
import { durationMs } from '../duration.ts';
import { shownPath } from '../file-path.ts';
import type { Crash } from '../ledger/ledger.ts';
import { readCrashes } from '../ledger/read-crashes.ts';
import { jsonText } from '../text.ts';
import type { VerdictKind } from '../triage.ts';
import { date, verdictText } from '../wording.ts';
import { csvLine } from './csv.ts';
import { shown } from './shown.ts';

export interface CrashesOptions {
  /** Exactly this host; undefined: every host. */
  readonly host?: string | undefined;
  /** As it was given: crashes of so long ago at most, `7d`; undefined: of whenever. */
  readonly since?: string | undefined;
  /** Only crashes that may be the hardware's fault. */
  readonly suspect?: boolean;
  readonly format?: 'text' | 'json' | 'csv';
}

/** What --suspect asks for. */
const SUSPECT: ReadonlySet<VerdictKind> = new Set(['hardware_panic', 'suspect', 'logged_suspect']);

/**
 * @param print takes a piece of standard output.
 * @throws ConfigError when `since` is no duration, StoreError when there is no ledger, or it cannot be
 *   read.
 */
export function crashesCommand(
  directory: string,
  { host, since, suspect = false, format = 'text' }: CrashesOptions,
  print: (text: string) => void,
): void {
  const from = since === undefined ? -Infinity : Date.now() / 1000 - secondsOf(since);
  const isWanted = (crash: Crash): boolean =>
    (host === undefined || crash.host === host) &&
    crash.orderedSeconds >= from &&
    (!suspect || SUSPECT.has(crash.verdict.kind));
  readCrashes(directory, (crashes) => {
    if (format === 'csv') print(csvLine(Object.keys(COLUMNS)));
    for (const crash of crashes) {
      if (isWanted(crash)) print(LINES[format](crash));
    }
  });
}

function secondsOf(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined)
    throw new ConfigError(`--since: got ${text}, want a duration such as 12h or 7d`);
  return ms / 1000;
}

const LINES: Readonly<Record<NonNullable<CrashesOptions['format']>, (crash: Crash) => string>> = {
  text: textLine,
  json: (crash) => `${jsonText(published(crash))}\n`,
  csv: (crash) => csvLine(Object.values(COLUMNS).map((column) => column(crash) ?? '')),
};

/** The report's fields as `decode --json` has them, and what the ledger adds. */
function published({ id, host, paths, recordedSeconds, verdict, report }: Crash): object {
  return { id, host, files: paths.map(shownPath), recordedSeconds, verdict, ...report };
}

/** When, host, kernel, the answer with its lead, panic line, id, file. */
function textLine({ id, host, paths, report, verdict }: Crash): string {
  const { crashTimeSeconds, kernelRelease, panicMessage } = report;
  const when = crashTimeSeconds === null ? 'time unknown' : date(crashTimeSeconds);
  const words = [when, host, kernelRelease, verdictText(verdict), panicMessage ?? 'no panic line'];
  return `${[...words, id, paths[0] ?? null].map(shown).join('  ')}\n`;
}

const COLUMNS: Readonly<Record<string, (crash: Crash) => string | number | null | undefined>> = {
  id: ({ id }) => id,
  host: ({ host }) => host,
  crash_time: ({ report }) =>
    report.crashTimeSeconds === null ? null : date(report.crashTimeSeconds),
  recorded_time: ({ recordedSeconds }) => date(recordedSeconds),
  kernel_release: ({ report }) => report.kernelRelease,
  verdict: ({ verdict }) => verdict.kind,
  lead_seconds: ({ verdict }) => ('leadSeconds' in verdict ? verdict.leadSeconds : null),
  category: ({ verdict }) => errorOf(verdict)?.category,
  part: ({ verdict }) => errorOf(verdict)?.part,
  type: ({ report }) => report.crash?.type,
  signature: ({ report }) => report.crash?.signature,
  hardware: ({ report }) => report.crash?.hardware?.raw,
  panic: ({ report }) => report.panicMessage,
  file: ({ paths }) => paths.map(shownPath)[0],
};

function errorOf(verdict: Crash['verdict']): { category: string; part: string | null } | null {
  const error = 'error' in verdict ? verdict.error : null;
  return error ?? ('category' in verdict ? { category: verdict.category, part: null } : null);
}
