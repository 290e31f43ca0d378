// A ledger that several collectors share, in a real PostgreSQL: it says what SQLite says, each crash once
// whoever saw it, and goes on when the database comes back.

import { Client } from 'pg';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { type Ledger, openLedgerOf } from '../../dist/ledger/ledger.js';
import { PostgresEngine } from '../../dist/ledger/postgres-engine.js';
import type { PostgresView } from '../../dist/ledger/postgres-view.js';
import { MIGRATIONS } from '../../src/ledger/schema.ts';
import { type CrashFilter, SORTS } from '../../src/selection.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import {
  fileNumber,
  openTestLedger,
  ROOT,
  recordFailure,
  recordReport,
  reported,
} from '../support/daemon/ledgers.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';
import { countedCrash, fleet } from '../support/dumps/fleet.ts';
import { eventually } from '../support/system/eventually.ts';
import { type PostgresServer, postgresTool, startPostgres } from '../support/system/postgres.ts';

type SharedLedger = Ledger<PostgresView>;

const NOW = CRASH_TIME + 3600;
/** As a collector that writes does. */
const TAKE_WRITERS_LOCK = 'SELECT pg_advisory_xact_lock(1752655218, hashtext(current_schema()))';
const WAITING = `SELECT query_start FROM pg_stat_activity WHERE wait_event = 'advisory'`;
const REPORTS = [
  ...fleet(),
  countedCrash(1800),
  crashReport({ nodename: 'plain', bootId: 'plain', crashTimeSeconds: null }),
];

postgresTool.describe('a ledger in PostgreSQL', () => {
  let server: PostgresServer;
  const open: SharedLedger[] = [];

  beforeAll(async () => {
    server = await startPostgres();
  });

  afterAll(async () => {
    for (const ledger of open) await ledger.close();
    await server.stop();
  });

  async function collector(url: string, nowMs = (): number => NOW * 1000): Promise<SharedLedger> {
    const options = {
      suspectWindowSeconds: 300,
      maxHosts: 1000,
      hostRule: { fallback: 'unknown', pattern: undefined },
      nowMs,
      log: memoryLog().log,
    };
    const ledger = await openLedgerOf(new PostgresEngine(url, options), options);
    open.push(ledger);
    return ledger;
  }

  async function record(ledger: Pick<SharedLedger, 'record'>, reports = REPORTS): Promise<void> {
    for (const [i, report] of reports.entries()) {
      await recordReport(ledger, report, fileNumber(i));
    }
  }

  it('says of the same crashes what SQLite says', async () => {
    const shared = await collector(server.database());
    const local = await openTestLedger({ nowMs: () => NOW * 1000 });
    await Promise.all([record(shared), record(local)]);
    for (const ledger of [shared, local]) {
      await recordFailure(ledger, { reason: 'corrupt', message: 'x' }, '/a/vmcore');
      await recordFailure(ledger, { reason: 'corrupt', message: 'x' }, '/a/vmcore');
    }
    const [ours, theirs] = [shared.view, local.view];
    expect(ours.crashCount()).toBe(theirs.crashCount());
    expect(ours.failures()).toEqual({ corrupt: 1 });
    expect(ours.lastFailures()).toEqual(theirs.lastFailures());
    expect(ours.hostCounts()).toEqual(theirs.hostCounts());
    expect(await ours.hosts()).toEqual(theirs.hosts());
    expect(told(await ours.total())).toEqual(told(theirs.total()));
    for (const host of theirs.hosts()) {
      expect(told((await ours.hostTotals(host))!), host).toEqual(told(theirs.hostTotals(host)!));
    }
    expect(await ours.hostTotals('nobody')).toBeUndefined();
    const [first] = theirs.crashes();
    const { kernelRelease } = first!.report;
    const filters: readonly CrashFilter[] = [
      {},
      { verdict: 'hardware', category: 'pci' },
      { sinceSeconds: CRASH_TIME - 9.5 },
      { untilSeconds: CRASH_TIME, kernel: kernelRelease },
    ];
    for (const filter of filters) {
      for (const sort of SORTS) {
        const page = { ...filter, sort, offset: 1, limit: 4 };
        expect(await ours.select(page), JSON.stringify(page)).toEqual(theirs.select(page));
      }
      const asked = { ...filter, offset: 0, limit: 10 };
      expect(await ours.signatures(asked)).toEqual(theirs.signatures(asked));
      const walked = [];
      for await (const crash of ours.crashes(filter)) walked.push(crash);
      expect(walked).toEqual([...theirs.crashes(filter)]);
    }
    expect(await ours.crash(first!.id)).toEqual(first);
  });

  it('has each crash once that two collectors saw, and one shows what the other recorded', async () => {
    const url = server.database();
    const [one, other] = await Promise.all([collector(url), collector(url)]);
    const reports = Array.from({ length: 120 }, (_, i) =>
      crashReport({
        bootId: `boot-${i}`,
        nodename: `h${i % 7}`,
        hwerr: counted({ pci: [1, 1000] }),
      }),
    );
    await Promise.all([
      ...reports.map((report, i) => recordReport(one, report, `/one/${i}`)),
      ...reports.toReversed().map((report, i) => recordReport(other, report, `/other/${i}`)),
    ]);
    for (const { view } of [one, other]) {
      await eventually('it looked', () => view.crashCount() === 120 || undefined);
      const total = await view.total();
      expect([total.crashes, total.byCategory.get('pci')?.errors]).toEqual([120, 120]);
    }
    expect(server.sql(url, 'SELECT count(*), max(sequence) FROM crash')).toEqual(['120|120']);
    expect(server.sql(url, 'SELECT count(*) FROM crash_file')).toEqual(['240']);
    // What the second report adds moves the counters by the difference.
    const more = crashReport({
      bootId: 'boot-0',
      nodename: 'h0',
      hwerr: counted({ pci: [3, 1000] }),
    });
    await recordReport(other, more, '/other/more');
    expect((await one.view.hostTotals('h0'))?.byCategory.get('pci')?.errors).toBe(20);
  });

  it('has a file decoded by who claimed it, until that is done or who claimed it is gone', async () => {
    const url = server.database();
    const [one, other] = await Promise.all([collector(url), collector(url)]);
    const files = ['a', 'b', 'c'].map((name) => ({
      root: ROOT,
      path: `${ROOT}/${name}`,
      version: '1',
    }));
    const [a, b] = files;
    expect(await one.claims!.take(files.slice(0, 2))).toEqual(['ours', 'ours']);
    expect(await other.claims!.take(files)).toEqual(['taken', 'taken', 'ours']);
    expect(await one.claims!.take([a!])).toEqual(['ours']);
    await one.record(reported(crashReport(), a));
    await one.claims!.giveBack([a!]);
    expect(await other.claims!.take([a!, b!])).toEqual(['complete', 'taken']);
    // Written to since: another file.
    expect(await other.claims!.take([{ ...a!, version: '2' }])).toEqual(['ours']);
    server.sql(url, `UPDATE claim SET until = now() - interval '1 s'`);
    expect(await other.claims!.take([b!])).toEqual(['ours']);
    expect(await one.claims!.take([b!])).toEqual(['taken']);
  });

  it('forgets a file that vanished where it was seen, and no file that only another collector sees', async () => {
    const url = server.database();
    const [one, other] = await Promise.all([collector(url), collector(url)]);
    const [gone, stays, theirs] = ['gone', 'stays', 'theirs'].map((name) => `${ROOT}/${name}`);
    const seen = [gone!, stays!];
    for (const path of seen) await recordReport(one, crashReport({ bootId: path }), path);
    await recordReport(other, crashReport({ bootId: 'theirs' }), theirs);
    one.retain(ROOT, seen, []); // at its start
    one.retain(ROOT, [stays!], [gone!]);
    const kept = (): string[] => server.sql(url, 'SELECT path FROM file ORDER BY path');
    await expect.poll(kept).toEqual([stays, theirs]);
    expect(server.sql(url, 'SELECT count(*) FROM crash')).toEqual(['3']);
  });

  it('is made once by those who start together', async () => {
    const url = server.database();
    const ledgers = await Promise.all(Array.from({ length: 4 }, () => collector(url)));
    expect(ledgers.map(({ state }) => state.kind)).toEqual(Array(4).fill('ready'));
    expect(server.sql(url, `SELECT value FROM meta WHERE key = 'schema'`)).toEqual([
      String(MIGRATIONS.length),
    ]);
  });

  it('of a later version, or without a version, is refused', async () => {
    const url = server.database();
    await collector(url);
    server.sql(url, `UPDATE meta SET value = '99' WHERE key = 'schema'`);
    await expect(collector(url)).rejects.toMatchObject({ problem: 'newer' });
    server.sql(url, `DELETE FROM meta`);
    await expect(collector(url)).rejects.toMatchObject({ problem: 'damaged' });
  });

  it('takes whatever a dump says, and its views stay readable', async () => {
    const url = server.database();
    const ledger = await collector(url);
    const hostile: Partial<CrashReport>[] = [
      { panicMessage: 'a\0b \\u0000 \ud800', kernelRelease: 'x'.repeat(9000), bootId: 'b\0' },
      { crashTimeSeconds: Number.MAX_SAFE_INTEGER, bootId: 'late' },
      { crashTimeSeconds: -1e15, bootId: 'early' },
    ];
    for (const report of hostile) {
      await recordReport(ledger, crashReport(report), `/${'p'.repeat(4000)}/\0vmcore`);
    }
    expect(ledger.state.kind).toBe('ready');
    expect((await ledger.view.total()).crashes).toBe(3);
    expect(server.sql(url, 'SELECT count(crashed_at), count(panic_message) FROM crashes')).toEqual([
      '1|1',
    ]);
    expect(server.sql(url, 'SELECT count(*) FROM crash_errors')).toHaveLength(1);
    expect(server.sql(url, 'SELECT * FROM failures')).toEqual([]);
  });

  it('shows what it knew while the database is away, and counts the rest when it is back', async () => {
    const own = await startPostgres();
    try {
      const ledger = await collector(own.database());
      const crash = (i: number): CrashReport => crashReport({ bootId: `b${i}`, nodename: 'a' });
      await recordReport(ledger, crash(1));
      expect((await ledger.view.hostTotals('a'))?.crashes).toBe(1);
      const page = await ledger.view.select({ offset: 0, limit: 5 });
      await own.kill();
      await eventually('it notices', () => ledger.state.kind === 'away' || undefined);
      const waiting = recordReport(ledger, crash(2));
      expect((await ledger.view.hostTotals('a'))?.crashes).toBe(1);
      expect(await ledger.view.select({ offset: 0, limit: 5 })).toEqual(page);
      expect(ledger.view.crashCount()).toBe(1);
      await expect(ledger.view.hostTotals('b')).rejects.toMatchObject({ problem: 'away' });
      await own.restart();
      await waiting;
      expect(ledger.state.kind).toBe('ready');
      expect((await ledger.view.hostTotals('a'))?.crashes).toBe(2);
      expect(await ledger.view.hostTotals('b')).toBeUndefined();
    } finally {
      await own.stop();
    }
  });

  it('shows of a host what it knew while its newer numbers are long in coming', async () => {
    const url = server.database();
    const ledger = await collector(url);
    const crash = (i: number): CrashReport => crashReport({ bootId: `b${i}`, nodename: 'a' });
    await recordReport(ledger, crash(1));
    const known = await ledger.view.hostTotals('a');
    const lock = await locked(url);
    expect((await ledger.view.hostTotals('a'))?.lastCrash).toEqual(known?.lastCrash);
    expect(await lock.waiting('pg_cancel_backend')).toBe(true);
    await lock.end();
    await recordReport(ledger, crash(2));
    expect((await ledger.view.hostTotals('a'))?.crashes).toBe(2);
  });

  it('answers of a host that it was not asked for when its connection breaks, and the database is there', async () => {
    const url = server.database();
    const ledger = await collector(url);
    await recordReport(ledger, crashReport({ nodename: 'a' }));
    const lock = await locked(url);
    const asked = ledger.view.hostTotals('a');
    await eventually('it waits', () => lock.waiting('pg_terminate_backend'));
    await lock.end();
    expect((await asked)?.crashes).toBe(1);
  });

  it('answers the others when the database gives up on one statement', async () => {
    const url = server.database();
    const ledger = await collector(url);
    await recordReport(ledger, crashReport({ nodename: 'a' }));
    const lock = await locked(url);
    const asked = ledger.view.hostTotals('a').catch((error: unknown) => error);
    await eventually('it waits', () => lock.waiting('pg_cancel_backend'));
    expect(await asked).toMatchObject({ problem: 'io' });
    expect(await ledger.view.hosts()).toEqual(['a']);
    await lock.end();
  });

  it('is no failure while it waits for the other writers, also a second time', async () => {
    const url = server.database();
    const ledger = await collector(url);
    const other = await inTransaction(url, TAKE_WRITERS_LOCK);
    const recorded = recordReport(ledger, crashReport({ nodename: 'a' }));
    const tries = new Set<string>();
    await eventually('it tries again', () => {
      for (const begun of server.sql(url, WAITING)) tries.add(begun);
      return tries.size > 1 || undefined;
    });
    expect(ledger.state.kind).toBe('ready');
    await other.query('ROLLBACK');
    await recorded;
    expect(ledger.writeFailures).toBe(0);
  });

  it('does not go on waiting for the other writers when it is closed', async () => {
    const url = server.database();
    const ledger = await collector(url);
    await inTransaction(url, TAKE_WRITERS_LOCK);
    void recordReport(ledger, crashReport({ nodename: 'a' }));
    await eventually('it waits', () => server.sql(url, WAITING)[0]);
    const startMs = performance.now();
    await ledger.close();
    expect(performance.now() - startMs).toBeLessThan(12_000); // systemd waits 15 s
  });

  it('answers while the database hangs, and a collector that starts then waits for it', async () => {
    const own = await startPostgres();
    try {
      const url = own.database();
      const ledger = await collector(url);
      await recordReport(ledger, crashReport({ nodename: 'a' }));
      await ledger.view.hostTotals('a');
      await own.kill();
      const late = await collector(url);
      expect(late.state.kind).toBe('away');
      await expect(late.view.hostTotals('a')).rejects.toMatchObject({ problem: 'away' });
      await own.restart();
      await eventually(
        'both are ready',
        () => [ledger, late].every(({ state }) => state.kind === 'ready') || undefined,
      );
      expect((await late.view.hostTotals('a'))?.crashes).toBe(1);
    } finally {
      await own.stop();
    }
  });
});

interface Lock {
  /** Do this to those that wait for it, if any does. */
  waiting(what: 'pg_cancel_backend' | 'pg_terminate_backend'): Promise<true | undefined>;
  end(): Promise<void>;
}

/** A client of its own, whose transaction has begun with this statement. */
async function inTransaction(url: string, statement: string): Promise<Client> {
  const client = new Client(url);
  onTestFinished(() => client.end()); // or else its ledger waits for it when it is closed
  await client.connect();
  await client.query(`BEGIN; ${statement}`);
  return client;
}

/** Nobody can read what crashes counted until it ends; whose they are anybody can. */
async function locked(url: string): Promise<Lock> {
  const client = await inTransaction(url, 'LOCK TABLE crash_error IN ACCESS EXCLUSIVE MODE');
  return {
    waiting: async (what) => {
      const found = await client.query(`SELECT ${what}(pid) FROM pg_locks WHERE NOT granted`);
      return found.rows.length > 0 || undefined;
    },
    end: () => client.end(),
  };
}

/** All that totals say, as plain data. */
function told(totals: Awaited<ReturnType<PostgresView['total']>>): object {
  const { isFallback, crashes, byCategory, logged, byType, lastCrash, lastRecorded } = totals;
  return {
    ...{ isFallback, crashes, byCategory, byType, lastCrash, lastRecorded },
    logged: new Map(logged.map((one) => [`${one.category} ${one.severity}`, one.events])),
    recent: totals.recordedWithinDay(NOW),
    suspects: [...byCategory.keys()].map((category) => totals.recentSuspects(category, NOW)),
  };
}
