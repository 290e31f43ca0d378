/** Crash reports as the decoder makes them, for tests of what comes after it. */
import type { Crash } from '../../src/ledger/ledger.ts';
import { CATEGORIES, type CrashReport } from '../../src/vmcore/index.ts';

export const CRASH_TIME = 1_791_000_351;

/** Counts and last times by category; a category left out was never counted. */
export type Counts = Readonly<Record<string, readonly [count: number, last: number]>>;

export function report(counts: Counts, changes: Partial<CrashReport> = {}): CrashReport {
  return {
    container: 'kdump',
    flattened: false,
    compression: ['zlib'],
    arch: 'x86_64',
    kernelRelease: '7.3.4+deb13-cloud-amd64',
    buildId: '1fe9968467f2755292a45806719b9bba136b0cc8',
    nodename: 'db-07',
    bootId: '04bb2f2f-62b4-4486-876d-d8be7859e9db',
    crashTimeSeconds: CRASH_TIME,
    incomplete: false,
    vmcoreinfo: 'note',
    symbolSource: 'kallsyms',
    layoutSource: 'builtin',
    hwerr: {
      kind: 'present',
      categories: CATEGORIES.map((category) => {
        const [count, last] = counts[category] ?? [0, null];
        return { category, count, lastErrorTimestampSeconds: last };
      }),
    },
    panicMessage: null,
    warnings: [],
    vmcoreinfoText: '',
    debug: { pages: 0, logPages: 0, heads: 0, reads: 0, bytesRead: 0 },
    ...changes,
  };
}

export function crash(from: CrashReport, changes: Partial<Crash> = {}): Crash {
  return {
    id: from.bootId ?? 'no-boot-id',
    sequence: 1,
    host: from.nodename ?? 'unknown',
    report: from,
    paths: ['/var/crash/127.0.0.1-2026-10-03-08:05:51/vmcore'],
    recordedSeconds: CRASH_TIME + 90,
    ...changes,
  };
}
