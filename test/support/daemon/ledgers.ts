// Real ledgers for tests: SQLite on a real file system, filled by what a decode of a file comes to. The
// ledger is the built one: a thread loads JavaScript.

import { join } from 'node:path';

import { TestRunner, onTestFinished } from 'vitest';

import type { Failure } from '../../../src/failure.ts';
import { type Ledger, type LedgerOptions, openLedger } from '../../../dist/ledger/ledger.js';
import type { FileOutcome } from '../../../src/outcome.ts';
import type { CrashReport } from '../../../src/vmcore/index.ts';
import { tempDir } from '../system/temp-dir.ts';
import { memoryLog } from './logger.ts';

/** Where the files of test ledgers would be. */
export const ROOT = '/var/crash';

/**
 * A ledger in a directory of its own. Inside a test it is closed when that is over; elsewhere close() it.
 */
export async function openTestLedger(changes: Partial<LedgerOptions> = {}): Promise<Ledger> {
  const directory = changes.directory ?? join(tempDir(), 'ledger');
  const ledger = await openLedger({
    directory,
    suspectWindowSeconds: 300,
    maxHosts: 1000,
    hostRule: { fallback: 'unknown', pattern: undefined },
    nowMs: Date.now,
    log: memoryLog().log,
    ...changes,
  });
  if (TestRunner.getCurrentTest() !== undefined) onTestFinished(() => ledger.close());
  return ledger;
}

/** A ledger of these crashes, in files that are numbered from 0. */
export async function ledgerOf(...reports: readonly CrashReport[]): Promise<Ledger> {
  const ledger = await openTestLedger();
  for (const [i, report] of reports.entries()) await recordReport(ledger, report, fileNumber(i));
  return ledger;
}

export function fileNumber(i: number): string {
  return `${ROOT}/${i}/vmcore`;
}

let files = 0;

/** What may be said of a file beside what it came to. */
type FileState = Partial<Pick<FileOutcome, 'root' | 'path' | 'version' | 'content' | 'unlisted'>>;

/** What a file's decode came to: a file of its own, with content of its own, unless said otherwise. */
export function reported(report: CrashReport, changes: FileState = {}): FileOutcome {
  return { ...fileState(changes), kind: 'report', report };
}

/** As reported(), for a file that could not be decoded. */
export function failed(failure: Failure, changes: FileState = {}): FileOutcome {
  return { ...fileState(changes), kind: 'failure', failure };
}

function fileState(changes: FileState): Pick<FileOutcome, 'root' | 'path' | 'version' | 'content'> {
  const path = changes.path ?? `${ROOT}/file-${files++}/vmcore`;
  return { root: ROOT, path, version: '1', content: `of ${path}`, ...changes };
}

/** Any ledger, as far as it records. */
type Recording = Pick<Ledger, 'record'>;

/** Resolves when it is durable. */
export function recordReport(ledger: Recording, report: CrashReport, path?: string): Promise<void> {
  return ledger.record(reported(report, path === undefined ? {} : { path }));
}

/** Each version of a file has content of its own, so that each counts. */
export function recordFailure(ledger: Recording, failure: Failure, path: string): Promise<void> {
  return ledger.record(failed(failure, { path, content: `${failure.reason} of ${path}` }));
}
