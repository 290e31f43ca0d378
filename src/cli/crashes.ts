// hwerr-exporter crashes: prints the crashes in the ledger. It only reads, so the daemon may be running.

import { type Config, ConfigError } from '../config.ts';
import { CSV_HEAD, crashCsv } from '../ledger/crash-csv.ts';
import { reportJson } from '../ledger/crash-json.ts';
import { shownPath } from '../file-path.ts';
import type { Crash } from '../ledger/ledger.ts';
import { readCrashes } from '../ledger/read-crashes.ts';
import { type FilterName, crashFilter } from '../selection.ts';
import { jsonText } from '../text.ts';
import { SCHEMA_VERSION } from '../version.ts';
import { date, verdictText } from '../wording.ts';
import { shown } from './shown.ts';

/** Filters as given on the command line, and the output format. */
export interface CrashesOptions extends Partial<Record<FilterName, string | undefined>> {
  readonly format?: 'text' | 'json' | 'csv';
}

/**
 * Prints the selected crashes, newest first.
 *
 * @param print writes to standard output.
 * @throws ConfigError if a filter is invalid, StoreError if there is no ledger or it cannot be read.
 */
export async function crashesCommand(
  { ledgerPath, ledgerUrl }: Pick<Config, 'ledgerPath' | 'ledgerUrl'>,
  { format = 'text', ...given }: CrashesOptions,
  print: (text: string) => void,
): Promise<void> {
  const filter = crashFilter(given, Date.now() / 1000);
  if (typeof filter === 'string') throw new ConfigError(`--${filter}`);
  if (ledgerUrl === undefined) {
    readCrashes(ledgerPath, filter, (crashes) => {
      if (format === 'csv') print(CSV_HEAD);
      for (const crash of crashes) print(LINES[format](crash));
    });
    return;
  }
  const { readSharedCrashes } = await import('../ledger/postgres-commands.ts');
  if (format === 'csv') print(CSV_HEAD);
  for await (const crash of readSharedCrashes(ledgerUrl, filter)) print(LINES[format](crash));
}

const LINES: Readonly<Record<NonNullable<CrashesOptions['format']>, (crash: Crash) => string>> = {
  text: textLine,
  json: (crash) => `${jsonText(published(crash))}\n`,
  csv: crashCsv,
};

function published({ id, host, paths, recordedSeconds, verdict, report }: Crash): object {
  const dumps = paths.map((path) => ({ path: shownPath(path) }));
  const fromLedger = { schemaVersion: SCHEMA_VERSION, id, host, recordedSeconds, dumps };
  return { ...fromLedger, ...reportJson(report, verdict) };
}

/** Returns time, host, kernel, verdict with its lead, panic line, id and file, on one line. */
function textLine({ id, host, paths, report, verdict }: Crash): string {
  const { crashTimeSeconds, kernelRelease, panicMessage } = report;
  const when = crashTimeSeconds === null ? 'time unknown' : date(crashTimeSeconds);
  const words = [when, host, kernelRelease, verdictText(verdict), panicMessage ?? 'no panic line'];
  return `${[...words, id, paths[0] ?? null].map(shown).join('  ')}\n`;
}
