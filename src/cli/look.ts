// Finds the files of a directory for a command, as the daemon does.

import { FileError } from '../failure.ts';
import { globPattern } from '../ingest/file-names.ts';
import type { ScanResult } from '../ingest/scan.ts';
import { scannerOf } from '../ingest/scanner.ts';

/**
 * Scans a directory or bucket once. If the root itself cannot be scanned, it is in `unreadable`.
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
