// Crash reports made up for what is behind the decoder.

import { CATEGORIES, type CrashReport, type Hwerr, absentLog } from '../../../src/vmcore/index.ts';

export const CRASH_TIME = 1_791_000_351;

/** A complete report of a crash that no error preceded, with `parts` in place of its own. */
export function crashReport(parts: Partial<CrashReport> = {}): CrashReport {
  return {
    container: 'kdump',
    flattened: false,
    compression: ['zlib'],
    arch: 'x86_64',
    kernelRelease: '7.3.4',
    buildId: '1fe9968467f2755292a45806719b9bba136b0cc8',
    nodename: 'labhost',
    bootId: '04bb2f2f-62b4-4486-876d-d8be7859e9db',
    crashTimeSeconds: CRASH_TIME,
    incomplete: false,
    vmcoreinfo: 'note',
    symbolSource: 'kallsyms',
    layoutSource: 'builtin',
    hwerr: counted({}),
    panicMessage: null,
    ...absentLog('page_excluded'),
    warnings: [],
    vmcoreinfoLines: 'OSRELEASE=7.3.4 CRASHTIME=1791000351',
    ...parts,
  };
}

/** Counters: [count, Unix seconds of the last error] where there was one. */
export function counted(errors: Readonly<Record<string, readonly [number, number]>>): Hwerr {
  const categories = CATEGORIES.map((category) => {
    const [count, lastErrorTimestampSeconds] = errors[category] ?? [0, null];
    return { category, count, lastErrorTimestampSeconds };
  });
  return { kind: 'present', categories };
}
