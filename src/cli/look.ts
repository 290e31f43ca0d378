// What a command finds where dumps are: the same as the daemon would.

import { FileError } from '../failure.ts';
import { globPattern } from '../ingest/file-names.ts';
import type { ScanResult } from '../ingest/scan.ts';
import { scannerOf } from '../ingest/scanner.ts';

/**
 * Scans a directory, or a bucket, once. A root that cannot be scanned is `unreadable` like what is below it.
 *
 * @param excluded globs of paths to ignore.
 */
export async function look(
  root: string,
  excluded: readonly string[],
): Promise<Pick<ScanResult, 'files' | 'unreadable'>> {
  try {
    return await scannerOf(root, excluded.map(globPattern), Date.now)(new Set());
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { files: [], unreadable: [{ path: root, error }] };
  }
}
