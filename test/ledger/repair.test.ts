// A host that an operator says was repaired: its crashes up to then no longer count as recent.

import { expect, it } from 'vitest';

import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { run } from '../support/daemon/program.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

type Ledger = Awaited<ReturnType<typeof openTestLedger>>;

const DAY = 86_400;
const START = 1_800_000_000;

function suspect(ledger: Ledger, host: string, bootId: string): Promise<void> {
  const hwerr = counted({ pci: [1, 1_799_999_990] });
  const report = { nodename: host, bootId, crashTimeSeconds: 1_800_000_000, hwerr };
  return recordReport(ledger, crashReport(report));
}

it('suspect crashes are recent for 30 days, by when they became known', async () => {
  const directory = tempDir();
  let now = START;
  const nowMs = (): number => now * 1000;
  const ledger = await openTestLedger({ directory, nowMs });
  await suspect(ledger, 'a', '1');
  now += 20 * DAY;
  await suspect(ledger, 'a', '2');
  await suspect(ledger, 'b', '3');
  const recent = { nodename: 'a', bootId: '4', crashTimeSeconds: now - 60 };
  await recordReport(ledger, crashReport(recent));
  const check = ({ view }: Ledger): void => {
    const recent = (days: number): number[] =>
      [view.hostTotals('a'), view.hostTotals('b'), view.total()].map(
        (totals) => totals?.recentSuspects('pci', START + days * DAY) ?? NaN,
      );
    expect(recent(20)).toEqual([2, 1, 3]);
    expect(recent(31)).toEqual([1, 1, 2]);
    expect(recent(51)).toEqual([0, 0, 0]);
    expect(view.total().recentSuspects('cpu', now)).toBe(0);
    // The other two were found 20 days late.
    expect(view.total().recordedWithinDay(now)).toBe(1);
    expect(view.total().recordedWithinDay(now + 2 * DAY)).toBe(0);
    expect(view.hostTotals('a')?.lastRecorded?.report.bootId).toBe('4');
    expect(view.hostTotals('a')?.byCategory.get('pci')?.lastSuspect).toMatchObject({
      recordedSeconds: now,
      crash: { report: { bootId: '2' } },
    });
    expect(view.hostTotals('a')?.byCategory.get('cpu')?.lastSuspect).toBeUndefined();
  };
  check(ledger);
  await ledger.close();
  check(await openTestLedger({ directory, nowMs }));
});

it('suspect crashes are recent again when a clock that was ahead is set right', async () => {
  let now = START;
  const ledger = await openTestLedger({ nowMs: () => now * 1000 });
  await suspect(ledger, 'a', '1');
  const recent = (): number => ledger.view.total().recentSuspects('pci', now);
  now = START + 60 * DAY;
  expect(recent()).toBe(0);
  now = START + DAY;
  expect(recent()).toBe(1);
});

it('what becomes suspect by a later file is recent from then on', async () => {
  let now = START;
  const ledger = await openTestLedger({ nowMs: () => now * 1000 });
  const marks = { bootId: '1', crashTimeSeconds: START - 60 };
  const lost = { kind: 'absent', reason: 'page_lost' } as const;
  await recordReport(ledger, crashReport({ ...marks, incomplete: true, hwerr: lost }));
  now += DAY;
  await recordReport(ledger, crashReport({ ...marks, hwerr: counted({ pci: [1, START - 70] }) }));
  expect(ledger.view.total().byCategory.get('pci')?.lastSuspect).toMatchObject({
    recordedSeconds: START + DAY,
    crash: { recordedSeconds: START },
  });
});

it('repaired is said while the daemon runs, once, and holds over a restart', async () => {
  const directory = tempDir();
  const ledger = await openTestLedger({ directory });
  const recent = ({ view }: Ledger): number[] =>
    [view.hostTotals('a'), view.hostTotals('b'), view.total()].map(
      (totals) => totals?.recentSuspects('pci', Date.now() / 1000) ?? NaN,
    );
  const say = (...args: readonly string[]) =>
    run(['repaired', '--ledger.path', directory, ...args]);
  expect((await say()).stderr).toContain('no crash is recorded');
  for (const i of ['1', '2']) await suspect(ledger, 'a', i);
  await suspect(ledger, 'b', '3');
  expect(recent(ledger)).toEqual([2, 1, 3]);
  expect(await say()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('say --host') as string,
  });
  expect((await say('--host', 'c')).stderr).toContain('no crash of host c is recorded');
  const said = await say('--host', 'a', '--note', 'new DIMM');
  expect(said).toMatchObject({ code: 0, stderr: '' });
  expect(said.stdout).toContain('repair of a recorded');
  expect(recent(ledger)).toEqual([0, 1, 1]);
  expect((await say('--host', 'a', '--note', 'new DIMM')).stdout).toContain('known already');
  // What comes after it counts again; the counters never knew of it.
  await suspect(ledger, 'a', '4');
  expect(recent(ledger)).toEqual([1, 1, 2]);
  expect(ledger.view.hostTotals('a')?.byCategory.get('pci')?.suspectCrashes).toBe(3);
  await ledger.close();
  const again = await openTestLedger({ directory });
  expect(recent(again)).toEqual([1, 1, 2]);
});

it('what was found late is known by its own time', async () => {
  const { isFoundLate } = await import('../../src/ledger/crash.ts');
  const at = (days: number): boolean =>
    isFoundLate({ recordedSeconds: START, orderedSeconds: START - days * DAY });
  expect([at(0), at(14), at(15)]).toEqual([false, false, true]);
});

it('the first pass is recorded when all that it found is, or when it cannot be', async () => {
  const ledger = await openTestLedger();
  expect(ledger.isFirstPassRecorded).toBe(false);
  const recorded = suspect(ledger, 'a', '1');
  ledger.reportFirstPass('over');
  expect(ledger.isFirstPassRecorded).toBe(false);
  await recorded;
  expect(ledger.isFirstPassRecorded).toBe(true);
});

it('a first pass without some directories shows the crashes that are known, and never zeros', async () => {
  const ledger = await openTestLedger();
  ledger.reportFirstPass('partial');
  expect(ledger.isFirstPassRecorded).toBe(false);
  await suspect(ledger, 'a', '1');
  expect(ledger.isFirstPassRecorded).toBe(true);
});
