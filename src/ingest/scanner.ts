// How what --kdump.path names is scanned: a directory, or a prefix of a bucket.

import { isInBucket } from '../file-path.ts';
import { Bucket } from './bucket.ts';
import { type ScanResult, scanDirectory } from './scan.ts';
import type { Share } from './share.ts';

/** Takes `notDumps` of the scan before. @throws FileError when the root itself cannot be scanned. */
export type Scanner = (known: ReadonlySet<string>) => Promise<ScanResult>;

/**
 * @param nowMs of the wall clock.
 * @param share what is found of its files alone; undefined: of all.
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
