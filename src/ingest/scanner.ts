// How what --kdump.path names is scanned: a directory, or a prefix of a bucket.

import { isInBucket } from '../file-path.ts';
import { Bucket } from './bucket.ts';
import { type ScanResult, scanDirectory } from './scan.ts';

/** Takes `notDumps` of the scan before. @throws FileError when the root itself cannot be scanned. */
export type Scanner = (known: ReadonlySet<string>) => Promise<ScanResult>;

/** @param nowMs of the wall clock. */
export function scannerOf(root: string, excluded: readonly RegExp[], nowMs: () => number): Scanner {
  if (!isInBucket(root)) return (known) => scanDirectory(root, excluded, known);
  const bucket = new Bucket({ root, excluded, nowMs });
  return () => bucket.scan();
}
