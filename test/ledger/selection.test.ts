// Which crashes a filter selects, in what order, and that it is found by an index.

import { expect, it } from 'vitest';

import { errorCategories } from '../../src/ledger/crash-errors.ts';
import { statements } from '../../src/ledger/selection.ts';
import { machineName, signatureDigest } from '../../src/ledger/logs.ts';
import type { Statement } from '../../src/ledger/statements.ts';
import { Store } from '../../src/ledger/store.ts';
import { readHostTotals } from '../../src/ledger/total-rows.ts';
import { type CrashFilter, SORTS, type Sort } from '../../src/selection.ts';
import { HARDWARE_VERDICTS, VERDICTS } from '../../src/triage.ts';
import { ledgerOf, openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { CRASH_TIME, crashReport } from '../support/dumps/crash-reports.ts';
import { countedCrash, fleet } from '../support/dumps/fleet.ts';
import { tempDir } from '../support/system/temp-dir.ts';

type Ledger = Awaited<ReturnType<typeof openTestLedger>>;
type Crash = ReturnType<Ledger['view']['crashes']> extends Iterable<infer C> ? C : never;

const REPORTS = [
  ...fleet(),
  countedCrash(1800),
  crashReport({ nodename: 'plain', bootId: 'plain', crashTimeSeconds: null }),
];

const MATCHES: { readonly [Name in keyof CrashFilter]-?: (crash: Crash, value: never) => boolean } =
  {
    host: ({ host }, value: string) => host === value,
    sinceSeconds: ({ orderedSeconds }, value: number) => orderedSeconds >= value,
    untilSeconds: ({ orderedSeconds }, value: number) => orderedSeconds < value,
    verdict: ({ verdict: { kind } }, value: string) =>
      value === 'hardware' ? HARDWARE_VERDICTS.some((one) => one === kind) : kind === value,
    category: ({ report }, value: string) => errorCategories(report).includes(value),
    kernel: ({ report }, value: string) => report.kernelRelease === value,
    model: ({ report }, value: string) => machineName(report) === value,
    signature: ({ report }, value: string) => signatureDigest(report) === value,
  };

/** Two values of each filter, of which one at least selects something. */
function values(
  crashes: readonly Crash[],
): Readonly<Record<keyof CrashFilter, readonly unknown[]>> {
  const signature = crashes
    .map(({ report }) => signatureDigest(report))
    .find((one) => one !== null);
  return {
    host: ['bad', 'none'],
    sinceSeconds: [CRASH_TIME - 4 * 3600, 1],
    untilSeconds: [CRASH_TIME - 4 * 3600, CRASH_TIME],
    verdict: ['hardware', 'log_clean'],
    category: ['pci', 'memory'],
    kernel: ['6.12.1', '6.12.9'],
    model: ['Dell Inc. PowerEdge R650', 'Dell Inc. PowerEdge R740'],
    signature: [signature, '0123456789abcdef'],
  };
}

it('every two filters together select what has both, page by page and walked', async () => {
  const { view } = await ledgerOf(...REPORTS);
  const all = [...view.crashes()];
  const given = Object.entries(values(all)).flatMap(([name, list]) =>
    list.map((value) => ({ name, value }) as { name: keyof CrashFilter; value: never }),
  );
  let selected = 0;
  for (const one of given) {
    for (const other of given) {
      const filter: CrashFilter = { [one.name]: one.value, [other.name]: other.value };
      const wanted = all.filter((crash) =>
        (Object.entries(filter) as [keyof CrashFilter, never][]).every(([name, value]) =>
          MATCHES[name](crash, value),
        ),
      );
      expect([...view.crashes(filter)], JSON.stringify(filter)).toEqual(wanted);
      expect(view.select({ ...filter, offset: 1, limit: 2 })).toEqual({
        crashes: wanted.slice(1, 3),
        matching: wanted.length,
      });
      selected += wanted.length;
    }
  }
  expect(selected).toBeGreaterThan(100);
});

it('each order is of its column, and of the newest within it', async () => {
  const { view } = await ledgerOf(...REPORTS);
  const sorted = (sort: Sort): readonly Crash[] =>
    view.select({ sort, offset: 0, limit: 100 }).crashes;
  const newest = [...view.crashes()];
  const by = (key: (crash: Crash) => string | number): Crash[] =>
    newest.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  expect(sorted('newest')).toEqual(newest);
  expect(sorted('oldest')).toEqual(newest.toReversed());
  expect(sorted('host')).toEqual(by(({ host }) => host));
  expect(sorted('kernel')).toEqual(by(({ report }) => report.kernelRelease));
  expect(sorted('model')).toEqual(by(({ report }) => machineName(report) ?? '~'));
  expect(sorted('verdict')).toEqual(by(({ verdict }) => VERDICTS.indexOf(verdict.kind)));
});

it('signatures say how many crashes, hosts, kernels and models share them', async () => {
  const { view } = await ledgerOf(...REPORTS);
  const { groups, signatures, unsigned } = view.signatures({ offset: 0, limit: 10 });
  expect([signatures, unsigned]).toEqual([3, 2]);
  const told = groups.map(({ newest, signature: _, ...numbers }) => ({
    at: newest.report.crash?.pc,
    ...numbers,
  }));
  const of = { crashes: 4, unnamed: 0 };
  expect(told).toEqual([
    { at: 'ioread32', ...of, hosts: 1, kernels: 4, models: 1, ofHardware: 3 },
    { at: 'buggy_driver', ...of, hosts: 4, kernels: 1, models: 4, ofHardware: 0 },
    { at: 'acpi_ex', ...of, hosts: 4, kernels: 4, models: 1, ofHardware: 0 },
  ]);
  const some = view.signatures({ verdict: 'hardware', offset: 0, limit: 10 });
  expect(some.groups.map(({ crashes }) => crashes)).toEqual([3]);
  expect([some.signatures, some.unsigned]).toEqual([1, 1]);
  expect(view.signatures({ offset: 1, limit: 1 }).groups).toHaveLength(1);
  expect(view.signatures({ offset: 3, limit: 1 })).toEqual({ groups: [], signatures, unsigned });
});

it('the totals of a host read no row of another', async () => {
  const directory = tempDir();
  const ledger = await openTestLedger({ directory });
  await Promise.all(REPORTS.map((report) => recordReport(ledger, report)));
  const store = Store.open(directory, 'read');
  const context = { fallback: 'unknown', maxHosts: 1000, nowSeconds: CRASH_TIME };
  const asked = readHostTotals('bad', context).next().value as readonly Statement[];
  expect(asked).toHaveLength(5);
  for (const { sql, values } of asked) {
    const plan = store.rows(`EXPLAIN QUERY PLAN ${sql}`, values).map(({ detail }) => detail);
    const tables = plan.filter((detail) =>
      /^(SCAN|SEARCH) (?!CONSTANT ROW|counted$)/.test(`${detail}`),
    );
    expect(tables.length, sql).toBeGreaterThan(0);
    for (const detail of tables) expect(detail, sql).toMatch(/^SEARCH .* \((host|name|crash)=\?/);
  }
  store.close();
});

it('no selection reads a row that it does not show', async () => {
  const directory = tempDir();
  const ledger = await openTestLedger({ directory });
  await Promise.all(REPORTS.map((report) => recordReport(ledger, report)));
  const store = Store.open(directory, 'read');
  const filter = { host: 'a', sinceSeconds: 1, untilSeconds: 2, verdict: 'clean', category: 'pci' };
  const names = { kernel: 'a', model: 'a', signature: 'a' };
  const whole = Object.entries({ ...filter, ...names });
  const asked = [
    {},
    { verdict: 'hardware' },
    ...whole.map(([name, value]) => ({ [name]: value })),
    { ...filter, ...names },
  ];
  for (const sort of SORTS) {
    for (const given of asked) {
      const { page, matching } = statements({ ...given, sort, offset: 0, limit: 1 });
      for (const [sql, more] of [
        [page, { limit: 1, offset: 0 }],
        [matching, {}],
      ] as const) {
        const plan = store.rows(`EXPLAIN QUERY PLAN ${sql}`, { ...given, ...more });
        for (const { detail } of plan) {
          expect(detail, sql).toMatch(
            /^SEARCH crash$|USING (COVERING INDEX|INTEGER PRIMARY KEY)|SUBQUERY|TEMP B-TREE/,
          );
        }
      }
    }
  }
  store.close();
});
