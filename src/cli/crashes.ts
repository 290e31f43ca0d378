// hwerr-exporter crashes: what the ledger knows. It only reads, so the daemon may be running.

import type { Crash } from '../ledger/ledger.ts';
import { readCrashes } from '../ledger/read-crashes.ts';
import { date } from './report-table.ts';
import { shown } from './shown.ts';

/**
 * @param print takes a piece of standard output.
 * @throws StoreError when there is no ledger, or it cannot be read.
 */
export function crashesCommand(
  directory: string,
  json: boolean,
  print: (text: string) => void,
): void {
  readCrashes(directory, (crashes) => {
    for (const crash of crashes) {
      print(json ? `${JSON.stringify(published(crash))}\n` : textLine(crash));
    }
  });
}

/** The report's fields as `decode --json` has them, and what the ledger adds. */
function published({ id, host, paths, recordedSeconds, report }: Crash): object {
  return { id, host, files: paths, recordedSeconds, ...report };
}

function textLine({ id, host, paths, report }: Crash): string {
  const { crashTimeSeconds, kernelRelease, hwerr } = report;
  const when = crashTimeSeconds === null ? 'time unknown' : date(crashTimeSeconds);
  const counts =
    hwerr.kind === 'present'
      ? hwerr.categories.map(({ category, count }) => `${category} ${count}`).join(', ')
      : `no counters: ${hwerr.reason}`;
  return `${[when, host, kernelRelease, counts, id, paths[0] ?? null].map(shown).join('  ')}\n`;
}
