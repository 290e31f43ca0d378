// hwerr-exporter crashes: what the ledger knows. It only reads, so the daemon may be running.

import { type Crash, readCrashes } from '../ledger/ledger.ts';

/**
 * @param print takes a piece of standard output.
 * @throws StoreError when there is no ledger, or it cannot be read.
 */
export async function crashesCommand(
  directory: string,
  json: boolean,
  print: (text: string) => void,
): Promise<void> {
  await readCrashes(directory, (crashes) => {
    for (const crash of crashes) {
      print(json ? `${JSON.stringify(published(crash))}\n` : textLine(crash));
    }
  });
}

/** The report's fields as `decode --json` has them, and what the ledger adds. */
function published({ id, host, path, recordedSeconds, report }: Crash): object {
  return { id, host, file: path, recordedSeconds, ...report };
}

function textLine({ id, host, path, report }: Crash): string {
  const { crashTimeSeconds, kernelRelease, hwerr } = report;
  const when =
    crashTimeSeconds === null ? 'time unknown' : new Date(crashTimeSeconds * 1000).toISOString();
  const counts =
    hwerr.kind === 'present'
      ? hwerr.categories.map(({ category, count }) => `${category} ${count}`).join(', ')
      : `no counters: ${hwerr.reason}`;
  return `${when}  ${host}  ${kernelRelease}  ${counts}  ${id}  ${JSON.stringify(path)}\n`;
}
