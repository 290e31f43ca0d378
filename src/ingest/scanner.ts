// Selects the scanner for a value of --kdump.path: a directory, or a prefix of a bucket.

import { isInBucket } from '../file-path.ts';
import { Bucket } from './bucket.ts';
import { type ScanResult, scanDirectory } from './scan.ts';
import type { Share } from './share.ts';

/** @param known `notDumps` of the previous scan. @throws FileError if the root itself cannot be scanned. */
export type Scanner = (known: ReadonlySet<string>) => Promise<ScanResult>;

/**
 * @param nowMs wall clock, ms.
 * @param share limits the results to the files that may be in this shard; undefined: all files.
 */
export function scannerOf(
  root: string,
  excluded: readonly RegExp[],
  nowMs: () => number,
  share?: Pick<Share, 'mayHave'>,
): Scanner {
  const scan = wholeScanner(root, excluded, nowMs);
  if (share === undefined) return scan;
  return async (known) => {
    const { files, unreadable, ...rest } = await scan(known);
    const ours = <File extends { readonly path: string }>(all: readonly File[]): File[] =>
      all.filter(({ path }) => share.mayHave(path));
    return { ...rest, files: ours(files), unreadable: ours(unreadable) };
  };
}

function wholeScanner(root: string, excluded: readonly RegExp[], nowMs: () => number): Scanner {
  if (!isInBucket(root)) return (known) => scanDirectory(root, excluded, known);
  const bucket = new Bucket({ root, excluded, nowMs });
  return () => bucket.scan();
}
