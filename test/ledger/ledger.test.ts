import { describe, expect, it } from 'vitest';

import type { FailureReason } from '../../src/failure.ts';
import { byNewest } from '../../src/ledger/crash.ts';
import type { Crash, Ledger } from '../../dist/ledger/ledger.js';
import type { CrashReport } from '../../src/vmcore/index.ts';
import type { Hwerr } from '../../src/vmcore/index.ts';
import { eventually } from '../support/system/eventually.ts';
import {
  ROOT,
  failed,
  fileNumber,
  ledgerOf,
  openTestLedger,
  recordFailure,
  recordReport,
  reported,
} from '../support/daemon/ledgers.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

function onlyCrash(ledger: Ledger): Crash {
  const [crash, ...others] = [...ledger.view.crashes()];
  expect(others).toEqual([]);
  return crash!;
}

/** The counts of the only crash, by category; the reason when there are none. */
function countsIn(ledger: Ledger): Record<string, number> | string {
  const { hwerr } = onlyCrash(ledger).report;
  if (hwerr.kind !== 'present') return hwerr.reason;
  return Object.fromEntries(
    hwerr.categories
      .filter(({ count }) => count > 0)
      .map(({ category, count }) => [category, count]),
  );
}

/** When a file last failed, by reason. */
function lastFailuresOf(ledger: Ledger): Record<string, number> {
  return Object.fromEntries(
    ledger.view
      .lastFailures()
      .filter(({ recordedSeconds }) => recordedSeconds > 0)
      .map(({ reason, recordedSeconds }) => [reason, recordedSeconds]),
  );
}

function hostsOf(crashes: Iterable<Crash>): string[] {
  return Array.from(crashes, ({ host }) => host);
}

const excluded: Hwerr = { kind: 'absent', reason: 'page_excluded' };

it('knows nothing at first', async () => {
  const ledger = await openTestLedger();
  expect([...ledger.view.crashes()]).toEqual([]);
  expect(ledger.view.failures()).toEqual({});
  expect([...ledger.view.recentFailures()]).toEqual([]);
  expect(ledger.view.dumpsWithoutHwerr()).toBe(0);
  expect(ledger.view.total()).toMatchObject({ crashes: 0, lastCrash: undefined });
  expect(ledger.view.crash('none')).toBeUndefined();
});

describe('what two files say of one crash', () => {
  const few = counted({ pci: [7, 1000] });
  const more = counted({ pci: [8, 1100], others: [1, 1050] });
  const crossed = counted({ pci: [6, 1000], others: [9, 1050] });

  it.each<[string, Partial<CrashReport>, Partial<CrashReport>, ReturnType<typeof countsIn>]>([
    ['higher counts replace lower ones', { hwerr: few }, { hwerr: more }, { pci: 8, others: 1 }],
    ['lower counts do not replace', { hwerr: more }, { hwerr: few }, { pci: 8, others: 1 }],
    [
      'of each category the higher count stays',
      { hwerr: few },
      { hwerr: crossed },
      { pci: 7, others: 9 },
    ],
    ['counts replace none', { hwerr: excluded }, { hwerr: few }, { pci: 7 }],
    ['none does not replace counts', { hwerr: few }, { hwerr: excluded }, { pci: 7 }],
    [
      'a reason why there are none stays the first one',
      { hwerr: { kind: 'absent', reason: 'page_lost' } },
      { hwerr: excluded },
      'page_lost',
    ],
    [
      'why they are absent replaces that they could not be read',
      { hwerr: { kind: 'unreadable', reason: 'corrupt', message: 'why' } },
      { hwerr: excluded },
      'page_excluded',
    ],
  ])('%s', async (_title, first, second, counts) => {
    expect(countsIn(await ledgerOf(crashReport(first), crashReport(second)))).toEqual(counts);
  });

  it('unites the categories by name, those of later kernels among them', async () => {
    const withMore = (name: string, count: number): CrashReport =>
      crashReport({
        hwerr: {
          kind: 'present',
          categories: [
            { category: name, count, lastErrorTimestampSeconds: 1000 },
            { category: 'pci', count: 1, lastErrorTimestampSeconds: 900 },
          ],
        },
      });
    const ledger = await ledgerOf(withMore('nvlink', 3), withMore('fabric', 4));
    expect(countsIn(ledger)).toEqual({ nvlink: 3, fabric: 4, pci: 1 });
    const errors = [...ledger.view.total().byCategory].map(([name, tally]) => [name, tally.errors]);
    expect(Object.fromEntries(errors)).toEqual({ cpu: 0, memory: 0, pci: 1, cxl: 0, others: 7 });
  });

  it('lets a complete dump replace an incomplete one with the same counts, and not back', async () => {
    const complete = crashReport({ hwerr: few });
    const broken = { ...complete, incomplete: true };
    for (const order of [
      [complete, broken],
      [broken, complete],
    ]) {
      expect(onlyCrash(await ledgerOf(...order)).report.incomplete).toBe(false);
    }
  });

  it('keeps what the poorer file alone knows', async () => {
    const full = crashReport({ hwerr: few, buildId: null, panicMessage: null });
    const copy = crashReport({ hwerr: excluded, panicMessage: 'Oops' });
    const { report } = onlyCrash(await ledgerOf(copy, full));
    expect(report).toMatchObject({ hwerr: few, buildId: copy.buildId, panicMessage: 'Oops' });
  });

  it('does not let a time after the crash replace one before it', async () => {
    const at = (lastError: number, count: number): CrashReport =>
      crashReport({ crashTimeSeconds: 1100, hwerr: counted({ pci: [count, lastError] }) });
    const ledger = await ledgerOf(at(1000, 1), at(5000, 2));
    const totals = { errors: 2, lastSeconds: 1000, suspectCrashes: 1, crashes: 1 };
    expect(ledger.view.total().byCategory.get('pci')).toMatchObject(totals);
    await recordReport(ledger, at(1050, 1));
    expect(ledger.view.total().byCategory.get('pci')).toMatchObject({
      ...totals,
      lastSeconds: 1050,
    });
  });

  it('comes to the same end in whatever order the files of a crash come', async () => {
    const files = [few, more, excluded].map((hwerr) => crashReport({ hwerr }));
    for (const order of permutations(files)) {
      expect(countsIn(await ledgerOf(...order))).toEqual({ pci: 8, others: 1 });
    }
  });
});

describe('the crashes', () => {
  it('are counted for the host that a file names; a fallback gives way to it', async () => {
    const named = crashReport({ nodename: 'a' });
    const unnamed = crashReport({ nodename: null });
    expect(onlyCrash(await ledgerOf(unnamed)).host).toBe('unknown');
    expect(onlyCrash(await ledgerOf(named, unnamed)).host).toBe('a');
    const late = await ledgerOf(unnamed, named);
    expect(onlyCrash(late)).toMatchObject({ host: 'a', report: { nodename: 'a' } });
    expect(late.view.hosts()).toEqual(['a']);
    expect(late.view.hostTotals('a')).toMatchObject({ isFallback: false, crashes: 1 });
    expect(late.view.hostTotals('unknown')).toBeUndefined();
    expect(late.view.total().crashes).toBe(1);
  });

  it('remember their files, newest first, each once, and when the first came', async () => {
    let now = 2000;
    const ledger = await openTestLedger({ nowMs: () => 1000 * now });
    const report = crashReport();
    for (const i of [0, 1, 2, 1]) {
      await recordReport(ledger, report, fileNumber(i));
      now++;
    }
    const { paths, recordedSeconds } = onlyCrash(ledger);
    expect(paths).toEqual([1, 2, 0].map(fileNumber));
    expect(recordedSeconds).toBe(2000);
    for (let i = 0; i < 20; i++) await recordReport(ledger, report, fileNumber(i));
    expect(onlyCrash(ledger).paths).toEqual([19, 18, 17, 16, 15, 14, 13, 12].map(fileNumber));
  });

  it('are found by an id that stays, whatever is learned later', async () => {
    const ledger = await openTestLedger();
    const broken = crashReport({ bootId: null, incomplete: true, hwerr: excluded });
    await recordReport(ledger, broken);
    const { id } = onlyCrash(ledger);
    const whole = crashReport({ hwerr: counted({ pci: [7, 1000] }) });
    await recordReport(ledger, whole);
    expect(ledger.view.crash(id)?.report).toMatchObject({
      bootId: whole.bootId,
      hwerr: whole.hwerr,
    });
    expect(ledger.view.crash(whole.bootId!)).toBeUndefined();
    expect(onlyCrash(ledger).id).toBe(id);
  });

  it('have ids that do not give away the boot id, and are the same in a ledger begun anew', async () => {
    const report = crashReport();
    const ids = [await ledgerOf(report), await ledgerOf(report)].map((one) => onlyCrash(one).id);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[0]).not.toContain(report.bootId!.slice(0, 8));
  });

  it('come by when they happened, newest first, by when they came where that cannot be', async () => {
    const now = 1_800_000_000;
    const ledger = await openTestLedger({ nowMs: () => now * 1000 });
    const times = [now - 10, null, 0, 999_999_999_999_999, now - 1, now + 61, now - 10, now + 60];
    for (const [i, crashTimeSeconds] of times.entries()) {
      await recordReport(ledger, crashReport({ bootId: `${i}`, crashTimeSeconds }));
    }
    const boots = (crashes: Iterable<Crash>): (string | null)[] =>
      Array.from(crashes, ({ report }) => report.bootId);
    const newest = ['7', '5', '3', '2', '1', '4', '6', '0'];
    expect(boots(ledger.view.crashes())).toEqual(newest);
    expect(boots([...ledger.view.crashes()].reverse().sort(byNewest))).toEqual(newest);
    const page = (offset: number, limit = 3): (string | null)[] =>
      boots(ledger.view.select({ host: undefined, category: undefined, offset, limit }).crashes);
    expect([page(0), page(3), page(6), page(8)]).toEqual([
      ['7', '5', '3'],
      ['2', '1', '4'],
      ['6', '0'],
      [],
    ]);
    expect(ledger.view.total().lastCrash?.report.bootId).toBe('7');
    expect(ledger.view.hostTotals('labhost')?.lastCrash?.report.bootId).toBe('7');
  });

  it('move to their place when their time becomes known', async () => {
    const directory = tempDir();
    const nowMs = (): number => 1_800_000_000_000;
    const ledger = await openTestLedger({ directory, nowMs });
    const at = (bootId: string, crashTimeSeconds: number | null): Promise<void> =>
      recordReport(ledger, crashReport({ bootId, crashTimeSeconds }));
    await at('a', null);
    await at('b', 1_700_000_001);
    expect(ledger.view.total().lastCrash?.report.bootId).toBe('a');
    await Promise.all([at('a', 1_700_000_000), at('c', 1_600_000_000)]);
    expect(Array.from(ledger.view.crashes(), ({ report }) => report.bootId)).toEqual([
      'b',
      'a',
      'c',
    ]);
    for (const totals of [ledger.view.total(), ledger.view.hostTotals('labhost')]) {
      expect(totals).toMatchObject({ crashes: 3, lastCrash: { report: { bootId: 'b' } } });
    }
  });

  it('of a host are not those of a host whose name begins alike', async () => {
    const hosts = ['a', 'a.b', 'a-b', 'a:b', 'a_b', 'a0', 'aa', 'A', 'a'.repeat(64)];
    const ledger = await openTestLedger();
    for (const [i, host] of [...hosts, ...hosts].entries()) {
      await recordReport(ledger, crashReport({ bootId: `${i}`, nodename: host }));
    }
    const of = (host: string): string[] =>
      hostsOf(ledger.view.select({ host, category: undefined, offset: 0, limit: 1000 }).crashes);
    for (const host of hosts) expect(of(host)).toEqual([host, host]);
    expect(of('b')).toEqual([]);
    expect(hostsOf(ledger.view.crashes())).toHaveLength(2 * hosts.length);
  });
});

describe('totals', () => {
  it('are kept by host up to the limit, and in total beyond it, over restarts', async () => {
    const directory = tempDir();
    const options = { directory, maxHosts: 2 };
    const first = await openTestLedger(options);
    await Promise.all(
      ['alpha', 'beta', 'gamma', 'delta', 'alpha'].map((nodename, i) =>
        recordReport(
          first,
          crashReport({ bootId: `${i}`, nodename, hwerr: counted({ pci: [1, 1000] }) }),
        ),
      ),
    );
    const check = (ledger: Ledger): void => {
      const { view } = ledger;
      const errors = [view.hostTotals('alpha'), view.hostTotals('beta'), view.total()].map(
        (totals) => totals?.byCategory.get('pci')?.errors,
      );
      expect(errors).toEqual([2, 1, 5]);
      expect(ledger.view.hosts()).toEqual(['alpha', 'beta']);
      expect(ledger.view.hostTotals('gamma')).toBeUndefined();
      expect(ledger.view.hostCounts()).toEqual({ tracked: 2, limit: 2, dropped: 2 });
      const asked = { host: 'gamma', category: undefined, offset: 0, limit: 10 };
      expect(hostsOf(view.select(asked).crashes)).toEqual(['gamma']);
    };
    check(first);
    await first.close();
    const second = await openTestLedger(options);
    check(second);
    await second.close();
    const third = await openTestLedger({ directory, maxHosts: 10 });
    expect(third.view.hosts()).toEqual(['alpha', 'beta', 'gamma', 'delta']);
  });

  it('keep the verdict of the window that was in force when the crash was recorded', async () => {
    const directory = tempDir();
    const hwerr = counted({ pci: [1, 1000] });
    const open = (suspectWindowSeconds: number): Promise<Ledger> =>
      openTestLedger({ directory, suspectWindowSeconds });
    const suspects = (ledger: Ledger): number | undefined =>
      ledger.view.total().byCategory.get('pci')?.suspectCrashes;
    const wide = await open(100);
    await recordReport(wide, crashReport({ bootId: 'a', crashTimeSeconds: 1100, hwerr }));
    expect(suspects(wide)).toBe(1);
    await wide.close();
    const narrow = await open(99);
    expect(suspects(narrow)).toBe(1);
    // Another file of the crash is judged as the first one was.
    await recordReport(narrow, crashReport({ bootId: 'a', crashTimeSeconds: 1100, hwerr }));
    await recordReport(narrow, crashReport({ bootId: 'b', crashTimeSeconds: 1100, hwerr }));
    expect(suspects(narrow)).toBe(1);
    expect(
      Array.from(narrow.view.crashes(), ({ report, verdict, suspectWindowSeconds }) => [
        report.bootId,
        verdict.kind,
        suspectWindowSeconds,
      ]),
    ).toEqual([
      ['b', 'earlier', 99],
      ['a', 'suspect', 100],
    ]);
  });
});

describe('a file that gives no counters', () => {
  it('is no failure where the kernel keeps none', async () => {
    const ledger = await ledgerOf(
      crashReport({ hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' } }),
    );
    expect(ledger.view.dumpsWithoutHwerr()).toBe(1);
    expect([...ledger.view.crashes()]).toHaveLength(1);
    expect(ledger.view.failures()).toEqual({});
    expect([...ledger.view.recentFailures()]).toEqual([]);
  });

  it.each(['symbol_not_found', 'page_excluded', 'page_lost'] as const)(
    'because of %s is a failure of that reason, and a crash',
    async (reason) => {
      const ledger = await ledgerOf(crashReport({ hwerr: { kind: 'absent', reason } }));
      expect(ledger.view.failures()).toEqual({ [reason]: 1 });
      expect([...ledger.view.crashes()]).toHaveLength(1);
      expect(ledger.view.dumpsWithoutHwerr()).toBe(0);
    },
  );

  it('is no failure where another file of the crash gave them', async () => {
    const ledger = await ledgerOf(
      crashReport({ hwerr: counted({ pci: [1, 1000] }) }),
      crashReport({ hwerr: excluded }),
    );
    expect(ledger.view.failures()).toEqual({});
    expect([...ledger.view.recentFailures()]).toEqual([]);
  });

  it('is a crash all the same where it says which, and a good dump completes it', async () => {
    const ledger = await openTestLedger();
    const { hwerr, ...crash } = crashReport({ hwerr: counted({ pci: [2, 1_791_000_342] }) });
    const failure = { reason: 'no_kallsyms', message: 'none' } as const;
    const broken = reported({ ...crash, hwerr: { kind: 'unreadable', ...failure } });
    await ledger.record(broken);
    expect(onlyCrash(ledger).report.hwerr).toEqual({ kind: 'unreadable', ...failure });
    expect(ledger.view.total()).toMatchObject({ crashes: 1 });
    await recordReport(ledger, { ...crash, hwerr });
    await ledger.record(broken);
    expect(countsIn(ledger)).toEqual({ pci: 2 });
    expect(ledger.view.total().crashes).toBe(1);
    const pci = { errors: 2, lastSeconds: 1_791_000_342, suspectCrashes: 1, crashes: 1 };
    expect(ledger.view.total().byCategory.get('pci')).toMatchObject(pci);
    expect(ledger.view.failures()).toEqual({ no_kallsyms: 1 });
  });

  it('counts once for its content and reason, however often it is read, over restarts', async () => {
    const directory = tempDir();
    const reasons: readonly FailureReason[] = ['corrupt', 'timeout', 'corrupt'];
    for (let start = 0; start < 3; start++) {
      const ledger = await openTestLedger({ directory });
      for (const [i, reason] of reasons.entries()) {
        const failure = { reason, message: `why ${reason}` };
        await ledger.record(failed(failure, { path: fileNumber(i), content: `content ${i}` }));
        await ledger.record(
          failed(failure, { path: `${ROOT}/copy-${i}`, content: `content ${i}` }),
        );
        // Not readable: then its path and state stand for the content.
        await ledger.record(
          failed(
            { reason: 'permission', message: 'no' },
            { path: fileNumber(9), content: undefined },
          ),
        );
      }
      expect(ledger.view.failures()).toEqual({ corrupt: 2, timeout: 1, permission: 1 });
      await ledger.close();
    }
    const ledger = await openTestLedger({ directory });
    expect([...ledger.view.recentFailures()]).toEqual([]);
    const change = { path: fileNumber(9), content: undefined, version: '2' };
    await ledger.record(failed({ reason: 'permission', message: 'no' }, change));
    expect(ledger.view.failures()).toEqual({ corrupt: 2, timeout: 1, permission: 2 });
  });

  it('is shown with its newest failure, until it is decoded, recovers or is gone', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    const fail = (i: number, reason: FailureReason): Promise<void> =>
      recordFailure(ledger, { reason, message: `why ${reason}` }, fileNumber(i));
    const shown = (): string[] =>
      Array.from(ledger.view.recentFailures(), ({ path, reason }) => `${path} ${reason}`);
    await fail(1, 'corrupt');
    await fail(2, 'timeout');
    await fail(1, 'truncated');
    expect([...ledger.view.recentFailures()]).toEqual([
      { path: fileNumber(2), reason: 'timeout', message: 'why timeout', recordedSeconds: 2000 },
      { path: fileNumber(1), reason: 'truncated', message: 'why truncated', recordedSeconds: 2000 },
    ]);
    await recordReport(ledger, crashReport(), fileNumber(1));
    expect(shown()).toEqual([`${fileNumber(2)} timeout`]);
    await recordReport(ledger, crashReport({ bootId: 'b', hwerr: excluded }), fileNumber(2));
    expect(shown()).toEqual([`${fileNumber(2)} page_excluded`]);
    ledger.recovered(fileNumber(2), false);
    expect(shown()).toEqual([]);
    // What was counted stays counted.
    expect(ledger.view.failures()).toEqual({
      corrupt: 1,
      timeout: 1,
      truncated: 1,
      page_excluded: 1,
    });
  });

  it('is over when the file is read, whatever is in it, also for the next start', async () => {
    const directory = tempDir();
    const ledger = await openTestLedger({ directory, nowMs: () => 2_000_000 });
    const reasons = ['io', 'permission', 'timeout'] as const;
    for (const [i, reason] of reasons.entries()) {
      // Before it was readable its version was another.
      const unread = { path: fileNumber(i), content: undefined, version: '1' };
      await ledger.record(failed({ reason, message: '' }, unread));
    }
    expect(lastFailuresOf(ledger)).toEqual({ io: 2000, permission: 2000, timeout: 2000 });
    await ledger.record(reported(crashReport(), { path: fileNumber(0), version: '2' }));
    expect(lastFailuresOf(ledger)).toEqual({ permission: 2000, timeout: 2000 });
    await recordFailure(ledger, { reason: 'corrupt', message: '' }, fileNumber(1));
    expect(lastFailuresOf(ledger)).toEqual({ corrupt: 2000, timeout: 2000 });
    await recordFailure(ledger, { reason: 'io', message: '' }, fileNumber(2));
    expect(lastFailuresOf(ledger)).toEqual({ corrupt: 2000, io: 2000, timeout: 2000 });
    await recordReport(ledger, crashReport({ bootId: 'b', hwerr: excluded }), fileNumber(2));
    const left = { corrupt: 2000, page_excluded: 2000 };
    expect(lastFailuresOf(ledger)).toEqual(left);
    await ledger.close();
    const next = await openTestLedger({ directory });
    expect(lastFailuresOf(next)).toEqual(left);
    // What was counted stays counted.
    expect(next.view.failures()).toEqual({
      ...{ io: 2, permission: 1, timeout: 1 },
      ...{ corrupt: 1, page_excluded: 1 },
    });
  });

  it('is not over for what was read, when another file takes the place of a dump', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    await recordFailure(ledger, { reason: 'truncated', message: '' }, fileNumber(1));
    await ledger.record(reported(crashReport(), { path: fileNumber(1), content: 'other' }));
    expect(lastFailuresOf(ledger)).toEqual({ truncated: 2000 });
  });

  it('is over for a directory when a file in it is read, and for no other directory', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    for (const path of [`${ROOT}/a`, `${ROOT}/a/b`, `${ROOT}/ab`, `${ROOT}/a/b/c`]) {
      const unread = { path, content: undefined, version: '' };
      await ledger.record(failed({ reason: 'permission', message: path }, unread));
    }
    await recordReport(ledger, crashReport(), `${ROOT}/a/b/vmcore`);
    expect(lastFailuresOf(ledger)).toEqual({ permission: 2000 });
    await recordReport(ledger, crashReport(), `${ROOT}/ab/vmcore`);
    await recordReport(ledger, crashReport(), `${ROOT}/a/b/c/vmcore`);
    expect(lastFailuresOf(ledger)).toEqual({});
    expect(ledger.view.failures()).toEqual({ permission: 4 });
  });

  it('is not over for a directory that is only listed in part when a file in it is read', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    for (const path of [`${ROOT}/a`, `${ROOT}/a/b`]) {
      const unread = { path, content: undefined, version: '' };
      await ledger.record(
        failed({ reason: path.endsWith('a') ? 'io' : 'permission', message: '' }, unread),
      );
    }
    const read = { path: `${ROOT}/a/b/vmcore`, unlisted: [`${ROOT}/a`] };
    await ledger.record(reported(crashReport(), read));
    expect(lastFailuresOf(ledger)).toEqual({ io: 2000 });
  });

  it('is over when what could not be read was read, and there is nothing to record of it', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    const fail = (path: string, reason: FailureReason): Promise<void> =>
      ledger.record(failed({ reason, message: '' }, { path, content: undefined, version: '' }));
    await fail(`${ROOT}/a`, 'io');
    await fail(`${ROOT}/b`, 'permission');
    ledger.recovered(`${ROOT}/a`, true);
    await eventually('it is over', () => !('io' in lastFailuresOf(ledger)) || undefined);
    // The order counts: what fails after it was read has failed, and the other way round.
    ledger.recovered(`${ROOT}/b`, true);
    await Promise.all([fail(`${ROOT}/b`, 'timeout'), fail(`${ROOT}/c`, 'io')]);
    expect(lastFailuresOf(ledger)).toEqual({ io: 2000, permission: 2000, timeout: 2000 });
    const failedAgain = fail(`${ROOT}/a`, 'io');
    for (const name of ['a', 'b', 'c']) ledger.recovered(`${ROOT}/${name}`, true);
    await failedAgain;
    expect(lastFailuresOf(ledger)).toEqual({});
    expect(ledger.view.failures()).toEqual({ io: 3, permission: 1, timeout: 1 });
  });

  it('is over when another file of its crash gives the counters', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    await recordReport(ledger, crashReport({ hwerr: excluded }), fileNumber(1));
    await recordReport(ledger, crashReport({ bootId: 'b', hwerr: excluded }), fileNumber(2));
    await recordFailure(ledger, { reason: 'page_lost', message: '' }, fileNumber(3));
    const all = { page_excluded: 2000, page_lost: 2000 };
    expect(lastFailuresOf(ledger)).toEqual(all);
    const answer = { hwerr: counted({ pci: [1, 1000] }) };
    await recordReport(ledger, crashReport(answer), fileNumber(4));
    // The other crash has none.
    expect(lastFailuresOf(ledger)).toEqual(all);
    await recordReport(ledger, crashReport({ bootId: 'b', ...answer }), fileNumber(5));
    expect(lastFailuresOf(ledger)).toEqual({ page_lost: 2000 });
    expect(ledger.view.failures()).toEqual({ page_excluded: 2, page_lost: 1 });
  });

  it('is over when its file is of the same crash with other content, which gives the counters', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    const lost = { kind: 'unreadable', reason: 'page_lost', message: '' } as const;
    const grown = (hwerr: CrashReport['hwerr'], content: string): Promise<void> =>
      ledger.record(reported(crashReport({ hwerr }), { path: fileNumber(1), content }));
    await grown(lost, 'a part');
    await grown(excluded, 'a longer part');
    expect(lastFailuresOf(ledger)).toEqual({ page_excluded: 2000 });
    await grown(counted({ pci: [1, 1000] }), 'all');
    expect(lastFailuresOf(ledger)).toEqual({});
    expect(ledger.view.failures()).toEqual({ page_excluded: 1, page_lost: 1 });
  });

  it('is not over when its file has other content, while a copy of it is left', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    const record = (reason: 'page_lost' | 'corrupt', i: number, content: string): Promise<void> => {
      const hwerr = { kind: 'unreadable', reason, message: '' } as const;
      return ledger.record(reported(crashReport({ hwerr }), { path: fileNumber(i), content }));
    };
    for (const i of [1, 2]) await record('page_lost', i, 'a part');
    await record('corrupt', 1, 'a longer part');
    expect(lastFailuresOf(ledger)).toEqual({ corrupt: 2000, page_lost: 2000 });
    await record('page_lost', 2, 'a part');
    expect(ledger.view.failures()).toEqual({ corrupt: 1, page_lost: 1 });
  });

  it('is over when the same content gives the counters, with symbols that it lacked', async () => {
    const ledger = await openTestLedger({ nowMs: () => 2_000_000 });
    const without = { kind: 'absent', reason: 'symbol_not_found' } as const;
    await recordReport(ledger, crashReport({ hwerr: without }), fileNumber(1));
    expect(lastFailuresOf(ledger)).toEqual({ symbol_not_found: 2000 });
    const answer = { hwerr: counted({ pci: [1, 1000] }) };
    await recordReport(ledger, crashReport(answer), fileNumber(1));
    expect(lastFailuresOf(ledger)).toEqual({});
  });

  it('is not shown when it was over before it was written', async () => {
    const ledger = await openTestLedger();
    const recorded = recordFailure(ledger, { reason: 'permission', message: '' }, fileNumber(1));
    ledger.recovered(fileNumber(1), false);
    await recorded;
    expect([...ledger.view.recentFailures()]).toEqual([]);
    expect(ledger.view.failures()).toEqual({ permission: 1 });
    await recordFailure(ledger, { reason: 'io', message: '' }, fileNumber(1));
    expect(Array.from(ledger.view.recentFailures(), ({ reason }) => reason)).toEqual(['io']);
  });

  it('is shown when it is one of the newest hundred; all are counted', async () => {
    const ledger = await openTestLedger();
    await Promise.all(
      Array.from({ length: 150 }, (_, i) =>
        recordFailure(ledger, { reason: 'corrupt', message: '' }, fileNumber(i)),
      ),
    );
    expect(Array.from(ledger.view.recentFailures(), ({ path }) => path)).toEqual(
      Array.from({ length: 100 }, (_, i) => fileNumber(50 + i)),
    );
    expect(ledger.view.failures()).toEqual({ corrupt: 150 });
  });
});

describe('the verdict on a file', () => {
  it('is remembered over a restart where no second look is needed', async () => {
    const directory = tempDir();
    const first = await openTestLedger({ directory });
    const without: Hwerr = { kind: 'absent', reason: 'kernel_without_hwerr' };
    const files: readonly [string, Partial<CrashReport>][] = [
      ['complete', { bootId: 'a' }],
      ['incomplete', { bootId: 'b', incomplete: true }],
      ['old kernel', { bootId: 'c', hwerr: without }],
      ['excluded', { bootId: 'd', hwerr: excluded }],
      ['copy without', { bootId: 'a', hwerr: excluded }],
    ];
    for (const [path, report] of files) await recordReport(first, crashReport(report), path);
    await recordFailure(first, { reason: 'corrupt', message: '' }, 'broken');
    await first.close();
    const second = await openTestLedger({ directory });
    const verdicts = [...files.map(([path]) => path), 'broken'].map((path) => [
      path,
      second.resultOf(ROOT, path, '1'),
    ]);
    expect(Object.fromEntries(verdicts)).toEqual({
      complete: 'complete',
      incomplete: 'incomplete',
      'old kernel': 'complete',
      // Another version, or symbols that are given to it, may read these.
      excluded: undefined,
      broken: undefined,
      'copy without': 'complete',
    });
    expect(second.resultOf(ROOT, 'complete', '2')).toBeUndefined();
    expect(second.resultOf('/other', 'complete', '1')).toBeUndefined();
  });

  it('is forgotten with the file, and only in its own directory', async () => {
    const ledger = await openTestLedger();
    const names = Array.from({ length: 300 }, (_, i) => fileNumber(i));
    await Promise.all(
      ['/a', '/b'].flatMap((root) =>
        names.map((path) => ledger.record(reported(crashReport(), { root, path }))),
      ),
    );
    const known = (root: string): string[] =>
      names.filter((path) => ledger.resultOf(root, path, '1') !== undefined);
    ledger.retain('/a', [fileNumber(7), fileNumber(50), fileNumber(1000)], []);
    await eventually('the files of /a are forgotten', () => known('/a').length === 2 || undefined);
    expect(known('/a')).toEqual([fileNumber(7), fileNumber(50)]);
    expect(known('/b')).toEqual(names);
    ledger.retain('/b', [], []);
    await eventually('the files of /b are forgotten', () => known('/b').length === 0 || undefined);
    expect(known('/a')).toHaveLength(2);
    expect(ledger.view.total().crashes).toBe(1);
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]),
  );
}
