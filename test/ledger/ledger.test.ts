import { describe, expect, it } from 'vitest';

import type { FailureReason } from '../../src/failure.ts';
import {
  type Crash,
  type Ledger,
  type RecordedFailure,
  crashId,
  memoryLedger,
} from '../../src/ledger/ledger.ts';
import type { CrashReport, Hwerr } from '../../src/vmcore/index.ts';
import { counted, crashReport } from '../support/reports.ts';

function ledgerOf(...reports: readonly CrashReport[]): Ledger {
  const ledger = memoryLedger();
  for (const [i, report] of reports.entries()) ledger.record(report, fileNumber(i));
  return ledger;
}

/** The files of a ledger made by ledgerOf: their numbers say in which order they came. */
function fileNumber(i: number): { path: string; recordedSeconds: number } {
  return { path: `/var/crash/${i}/vmcore`, recordedSeconds: 2000 + i };
}

function onlyCrash(ledger: Ledger): Crash {
  const [crash, ...others] = [...ledger.crashes()];
  expect(others).toEqual([]);
  return crash!;
}

/** The counts of the only crash, by category; the reason when there are none. */
function countsIn(ledger: Ledger): Record<string, number> | string {
  const { hwerr } = onlyCrash(ledger).report;
  if (hwerr.kind === 'absent') return hwerr.reason;
  return Object.fromEntries(
    hwerr.categories
      .filter(({ count }) => count > 0)
      .map(({ category, count }) => [category, count]),
  );
}

const excluded: Hwerr = { kind: 'absent', reason: 'page_excluded' };

describe('crashId', () => {
  it('is the boot id, whatever else the dumps of a boot say', () => {
    const full = crashReport();
    const copy = crashReport({
      container: 'elf',
      flattened: true,
      compression: [],
      incomplete: true,
      nodename: null,
      crashTimeSeconds: null,
      vmcoreinfoText: 'OSRELEASE=7.3.4\n',
      hwerr: excluded,
    });
    expect(crashId(copy)).toBe(crashId(full));
    expect(crashId(crashReport({ bootId: '11111111-2222-4333-8444-555555555555' }))).not.toBe(
      crashId(full),
    );
  });

  it('is a digest of VMCOREINFO and the host name where there is no boot id', () => {
    const report = crashReport({ bootId: null });
    expect(crashId(report)).toMatch(/^[0-9a-f]{64}$/);
    expect(crashId({ ...report, container: 'elf', hwerr: excluded })).toBe(crashId(report));
    const others = [
      { ...report, nodename: 'otherhost' },
      { ...report, nodename: null },
      { ...report, vmcoreinfoText: `${report.vmcoreinfoText}X` },
    ];
    expect(new Set([report, ...others].map(crashId)).size).toBe(4);
  });

  it('does not let text move from VMCOREINFO to the host name', () => {
    const one = crashReport({ bootId: null, vmcoreinfoText: 'ab', nodename: 'c' });
    const other = crashReport({ bootId: null, vmcoreinfoText: 'a', nodename: 'bc' });
    expect(crashId(one)).not.toBe(crashId(other));
  });
});

describe('memoryLedger', () => {
  it('knows nothing at first', () => {
    const ledger = memoryLedger();
    expect([...ledger.crashes()]).toEqual([]);
    expect([...ledger.failures()]).toEqual([]);
    expect(ledger.dumpsWithoutHwerr()).toBe(0);
  });

  it('counts a crash once, however many files describe it', () => {
    const report = crashReport({ hwerr: counted({ pci: [7, 1000] }) });
    expect([...ledgerOf(report, report, { ...report, container: 'elf' }).crashes()]).toHaveLength(
      1,
    );
  });

  it('counts crashes of different boots apart, also when they say the same', () => {
    const ledger = ledgerOf(
      crashReport({ bootId: '11111111-2222-4333-8444-555555555555' }),
      crashReport({ bootId: '11111111-2222-4333-8444-666666666666' }),
      crashReport({ bootId: null }),
    );
    expect([...ledger.crashes()]).toHaveLength(3);
  });

  const few = counted({ pci: [7, 1000] });
  const more = counted({ pci: [8, 1100], others: [1, 1050] });
  const crossed = counted({ pci: [6, 1000], others: [9, 1050] });

  it.each<[string, Partial<CrashReport>, Partial<CrashReport>, ReturnType<typeof countsIn>]>([
    ['higher counts replace lower ones', { hwerr: few }, { hwerr: more }, { pci: 8, others: 1 }],
    ['lower counts do not replace', { hwerr: more }, { hwerr: few }, { pci: 8, others: 1 }],
    ['a count that falls keeps the whole report', { hwerr: few }, { hwerr: crossed }, { pci: 7 }],
    ['counts replace none', { hwerr: excluded }, { hwerr: few }, { pci: 7 }],
    ['none does not replace counts', { hwerr: few }, { hwerr: excluded }, { pci: 7 }],
    [
      'a reason why there are none stays the first one',
      { hwerr: { kind: 'absent', reason: 'page_lost' } },
      { hwerr: excluded },
      'page_lost',
    ],
  ])('%s', (_title, first, second, counts) => {
    expect(countsIn(ledgerOf(crashReport(first), crashReport(second)))).toEqual(counts);
  });

  it('lets a complete dump replace an incomplete one with the same counts, and not back', () => {
    const complete = crashReport({ hwerr: few });
    const broken = { ...complete, incomplete: true };
    for (const order of [
      [complete, broken],
      [broken, complete],
    ]) {
      expect(onlyCrash(ledgerOf(...order)).report.incomplete).toBe(false);
    }
  });

  it('comes to the same end in whatever order the files of a crash come', () => {
    const files = [few, more, excluded].map((hwerr) => crashReport({ hwerr }));
    const ends = permutations(files).map((order) => countsIn(ledgerOf(...order)));
    expect(ends).toEqual(Array(6).fill({ pci: 8, others: 1 }));
  });

  it('counts a dump of a kernel without the array as that, and as a crash, not as a failure', () => {
    const ledger = ledgerOf(
      crashReport({ hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' } }),
    );
    expect(ledger.dumpsWithoutHwerr()).toBe(1);
    expect([...ledger.crashes()]).toHaveLength(1);
    expect([...ledger.failures()]).toEqual([]);
  });

  it.each(['symbol_not_found', 'page_excluded', 'page_lost'] as const)(
    'counts a dump with %s as a failure of that reason, and as a crash',
    (reason) => {
      const ledger = ledgerOf(crashReport({ hwerr: { kind: 'absent', reason } }));
      expect([...ledger.failures()]).toEqual([[reason, 1]]);
      expect([...ledger.crashes()]).toHaveLength(1);
      expect(ledger.dumpsWithoutHwerr()).toBe(0);
    },
  );

  it('counts failures by reason', () => {
    const ledger = memoryLedger();
    for (const [i, reason] of (['corrupt', 'timeout', 'corrupt'] as const).entries()) {
      ledger.recordFailure(failureOf(i, reason));
    }
    expect(Object.fromEntries(ledger.failures())).toEqual({ corrupt: 2, timeout: 1 });
  });

  it('remembers the files of a crash, newest first, each once, and when the first came', () => {
    const report = crashReport();
    const ledger = ledgerOf(report, report, report);
    ledger.record(report, { ...fileNumber(1), recordedSeconds: 9000 });
    expect(onlyCrash(ledger)).toMatchObject({
      paths: [1, 2, 0].map((i) => fileNumber(i).path),
      recordedSeconds: 2000,
    });
    const many = ledgerOf(...Array.from({ length: 20 }, () => report));
    expect(onlyCrash(many).paths).toEqual(
      [19, 18, 17, 16, 15, 14, 13, 12].map((i) => fileNumber(i).path),
    );
  });

  it('names the host by the newest file that does', () => {
    const named = crashReport({ nodename: 'a' });
    const unnamed = crashReport({ nodename: null });
    expect(onlyCrash(ledgerOf(unnamed)).host).toBe('unknown');
    expect(onlyCrash(ledgerOf(unnamed, named)).host).toBe('a');
    expect(onlyCrash(ledgerOf(named, unnamed)).host).toBe('a');
  });

  it('shows the newest failure of each file, until the file is decoded', () => {
    const ledger = memoryLedger();
    ledger.recordFailure(failureOf(1, 'corrupt'));
    ledger.recordFailure(failureOf(2, 'timeout'));
    ledger.recordFailure(failureOf(1, 'truncated'));
    expect([...ledger.recentFailures()]).toEqual([
      failureOf(2, 'timeout'),
      failureOf(1, 'truncated'),
    ]);
    ledger.record(crashReport(), fileNumber(1));
    expect([...ledger.recentFailures()]).toEqual([failureOf(2, 'timeout')]);
    ledger.record(crashReport({ hwerr: excluded }), fileNumber(2));
    expect([...ledger.recentFailures()]).toEqual([
      { ...fileNumber(2), reason: 'page_excluded', message: expect.any(String) as string },
    ]);
    // What was counted stays counted.
    expect(Object.fromEntries(ledger.failures())).toEqual({
      corrupt: 1,
      timeout: 1,
      truncated: 1,
      page_excluded: 1,
    });
  });

  it('shows no more than the newest hundred failures, and counts all', () => {
    const ledger = memoryLedger();
    for (let i = 0; i < 150; i++) ledger.recordFailure(failureOf(i, 'corrupt'));
    expect([...ledger.recentFailures()].map(({ path }) => path)).toEqual(
      Array.from({ length: 100 }, (_, i) => fileNumber(50 + i).path),
    );
    expect(ledger.failures().get('corrupt')).toBe(150);
  });
});

function failureOf(i: number, reason: FailureReason): RecordedFailure {
  return { ...fileNumber(i), reason, message: `why ${reason}` };
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]),
  );
}
