// Whatever the files of a few crashes say, and in whatever order: no counter goes down, and a restart
// finds the sums that were shown.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { FailureReason } from '../../src/failure.ts';
import type { FileOutcome, Ledger, Summary } from '../../dist/ledger/ledger.js';
import type { CrashReport, Hwerr } from '../../src/vmcore/index.ts';
import { failed, openTestLedger, reported } from '../support/daemon/ledgers.ts';
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
      vmcoreinfoText: `CRASHTIME=${boot}\n`,
      ...rest,
    }),
  );

const anyOutcome: fc.Arbitrary<FileOutcome> = fc.oneof(
  { weight: 4, arbitrary: anyReport.map((report) => reported(report)) },
  fc
    .tuple(anyReport, fc.constantFrom<FailureReason>('corrupt', 'no_kallsyms'))
    .map(([{ hwerr: _, ...crash }, reason]) => {
      const failure = { reason, message: '' };
      return failed(failure, { result: { kind: 'failure', failure, crash } });
    }),
);

/** Everything that a counter shows, by name. */
function countersOf(ledger: Ledger): Map<string, number> {
  const shown = new Map<string, number>();
  const summarize = (name: string, summary: Summary | undefined): void => {
    shown.set(`${name} crashes`, summary?.crashes ?? 0);
    for (const [category, tally] of summary?.byCategory ?? []) {
      for (const [key, value] of Object.entries(tally)) {
        shown.set(`${name} ${category} ${key}`, value as number);
      }
    }
  };
  summarize('total', ledger.view.total());
  for (const host of ledger.view.hosts()) summarize(host, ledger.view.hostTotals(host));
  for (const [reason, count] of Object.entries(ledger.view.failures())) shown.set(reason, count);
  shown.set('without', ledger.view.dumpsWithoutHwerr());
  return shown;
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
      const last = ledger.view.total().lastCrash;
      await ledger.close();
      const reopened = await openTestLedger(options);
      expect(countersOf(reopened)).toEqual(before);
      expect(reopened.view.total().lastCrash).toEqual(last);
      expect([...reopened.view.crashes()]).toHaveLength(reopened.view.total().crashes);
      await reopened.close();
    }),
    { numRuns: 30 },
  );
}, 120_000);

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
        const ledger = await openTestLedger({ suspectWindowSeconds: WINDOW_SECONDS });
        for (const report of order) await ledger.record(reported(report));
        ends.push(new Map(ledger.view.total().byCategory));
        await ledger.close();
      }
      expect(ends[1]).toEqual(ends[0]);
    }),
    { numRuns: 15 },
  );
}, 120_000);
