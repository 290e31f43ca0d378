// Whatever the files of a few crashes say, and in whatever order: no counter goes down, and a restart
// finds the sums that were shown.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { DecodeReason } from '../../src/vmcore/errors.ts';
import type { Ledger, Totals } from '../../dist/ledger/ledger.js';
import type { FileOutcome } from '../../src/outcome.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import type { Hwerr } from '../../src/vmcore/index.ts';
import { openTestLedger, reported } from '../support/daemon/ledgers.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const CRASH_TIME = 1100;
const WINDOW_SECONDS = 60;
const CATEGORIES = ['cpu', 'pci', 'nvlink', 'fabric'] as const;
const REASONS = ['kernel_without_hwerr', 'page_excluded', 'page_lost'] as const;

/** Times before the suspect window, in it and after the crash. */
const counter = (latest: number) =>
  fc.record({ count: fc.nat(3), time: fc.option(fc.integer({ min: 950, max: latest })) });

function hwerr(latest: number): fc.Arbitrary<Hwerr> {
  const counters = fc.tuple(...CATEGORIES.map(() => fc.option(counter(latest))));
  return fc.oneof(
    { weight: 4, arbitrary: counters.map(present) },
    fc.constantFrom(...REASONS).map((reason): Hwerr => ({ kind: 'absent', reason })),
  );
}

type Counter = { readonly count: number; readonly time: number | null } | null;

function present(counters: readonly Counter[]): Hwerr {
  const categories = counters.flatMap((one, i) =>
    one === null
      ? []
      : [{ category: CATEGORIES[i]!, count: one.count, lastErrorTimestampSeconds: one.time }],
  );
  return { kind: 'present', categories };
}

/** A file of one of three boots; its marks may be missing, its time may be another. */
const anyReport: fc.Arbitrary<CrashReport> = fc
  .record({
    boot: fc.nat(2),
    named: fc.boolean(),
    marked: fc.boolean(),
    incomplete: fc.boolean(),
    crashTimeSeconds: fc.constantFrom(null, CRASH_TIME, CRASH_TIME + 30),
    hwerr: hwerr(CRASH_TIME + 60),
  })
  .map(({ boot, named, marked, ...rest }) =>
    crashReport({
      bootId: marked ? `boot-${boot}` : null,
      nodename: named ? `host-${boot % 2}` : null,
      vmcoreinfoLines: `CRASHTIME=${boot}`,
      ...rest,
    }),
  );

const anyOutcome: fc.Arbitrary<FileOutcome> = fc.oneof(
  { weight: 4, arbitrary: anyReport.map((report) => reported(report)) },
  fc
    .tuple(anyReport, fc.constantFrom<DecodeReason>('corrupt', 'no_kallsyms'))
    .map(([report, reason]) =>
      reported({ ...report, hwerr: { kind: 'unreadable', reason, message: '' } }),
    ),
);

/** What counters show of crashes, by name. */
function crashCountersOf(ledger: Ledger): Map<string, number> {
  const shown = new Map<string, number>();
  const add = (name: string, totals: Totals | undefined): void => {
    // Crashes leave these when their host becomes known: they are not shown as counters.
    if (totals?.isFallback === true) return;
    shown.set(`${name} crashes`, totals?.crashes ?? 0);
    for (const [category, { lastSuspect, ...numbers }] of totals?.byCategory ?? []) {
      for (const [key, value] of Object.entries(numbers)) {
        shown.set(`${name} ${category} ${key}`, value);
      }
      shown.set(`${name} ${category} lastSuspect`, lastSuspect?.recordedSeconds ?? 0);
    }
  };
  add('total', ledger.view.total());
  for (const host of ledger.view.hosts()) add(host, ledger.view.hostTotals(host));
  return shown;
}

/** Everything that a counter shows, by name. */
function countersOf(ledger: Ledger): Map<string, number> {
  const shown = crashCountersOf(ledger);
  for (const [reason, count] of Object.entries(ledger.view.failures())) shown.set(reason, count);
  return shown.set('without', ledger.view.dumpsWithoutHwerr());
}

it('no counter goes down, and a restart finds the sums that were shown', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyOutcome, { minLength: 1, maxLength: 12 }), async (outcomes) => {
      const directory = tempDir();
      const options = { directory, suspectWindowSeconds: WINDOW_SECONDS };
      const ledger = await openTestLedger(options);
      let before = countersOf(ledger);
      for (const outcome of outcomes) {
        await ledger.record(outcome);
        const after = countersOf(ledger);
        for (const [name, value] of before) {
          expect(after.get(name), name).toBeGreaterThanOrEqual(value);
        }
        before = after;
      }
      // The same files once more say nothing new.
      for (const outcome of outcomes) await ledger.record(outcome);
      expect(new Map(countersOf(ledger))).toEqual(before);
      const { view } = ledger;
      const shown = [view.total(), ...view.hosts().map((host) => view.hostTotals(host))];
      await ledger.close();
      const reopened = await openTestLedger(options);
      expect(countersOf(reopened)).toEqual(before);
      const again = reopened.view;
      const now = Date.now() / 1000;
      for (const [i, name] of [undefined, ...again.hosts()].entries()) {
        const totals = name === undefined ? again.total() : again.hostTotals(name);
        expect(totals?.lastCrash).toEqual(shown[i]?.lastCrash);
        expect(totals?.lastRecorded).toEqual(shown[i]?.lastRecorded);
        expect(totals?.recordedWithinDay(now)).toEqual(shown[i]?.recordedWithinDay(now));
        for (const [category, { lastSuspect }] of totals?.byCategory ?? []) {
          expect(lastSuspect).toEqual(shown[i]?.byCategory.get(category)?.lastSuspect);
          expect(totals?.recentSuspects(category, now)).toBe(
            shown[i]?.recentSuspects(category, now),
          );
        }
      }
      expect([...again.crashes()]).toHaveLength(reopened.view.total().crashes);
      await reopened.close();
    }),
    { numRuns: 30, endOnFailure: true },
  );
});

/** Files that say which boot they are of, with times as one clock gives them. */
const honestReport: fc.Arbitrary<CrashReport> = fc
  .record({ boot: fc.nat(2), incomplete: fc.boolean(), hwerr: hwerr(CRASH_TIME) })
  .map(({ boot, ...rest }) =>
    crashReport({ bootId: `boot-${boot}`, crashTimeSeconds: CRASH_TIME, ...rest }),
  );

it('the order in which files come does not matter where each says which crash it is of', async () => {
  const reports = fc.array(honestReport, { minLength: 2, maxLength: 6 });
  const twoOrders = reports.chain((some) =>
    fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })),
  );
  await fc.assert(
    fc.asyncProperty(twoOrders, async (orders) => {
      const ends: ReadonlyMap<string, unknown>[] = [];
      for (const order of orders) {
        const ledger = await openTestLedger({
          suspectWindowSeconds: WINDOW_SECONDS,
          nowMs: () => 1_800_000_000_000,
        });
        for (const report of order) await ledger.record(reported(report));
        ends.push(crashCountersOf(ledger));
        await ledger.close();
      }
      expect(ends[1]).toEqual(ends[0]);
    }),
    { numRuns: 15 },
  );
});
