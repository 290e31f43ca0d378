// Totals as the tables give them: read when a ledger is opened, and when a crash moved to another host.
// A few statements give those of every host together: one for each would be a hundred thousand.

import type { Category, CrashType, Severity } from '../vmcore/index.ts';
import { crashAt, number } from './crash-rows.ts';
import { type Crash, LATE_SECONDS } from './crash.ts';
import type { Row, Store, Value } from './store.ts';
import { type CategoryTotals, RECENT_SECONDS, RunningTotals } from './totals.ts';

/** Each gives rows with the `host` whose totals they are part of. */
interface Statements {
  readonly crashes: string;
  readonly lastCrash: string;
  readonly categories: string;
  readonly lastSuspect: string;
  readonly logged: string;
  readonly types: string;
  readonly recorded: string;
  readonly suspects: string;
}

/** Of all crashes together: no host. */
const ALL: Statements = {
  crashes: 'SELECT NULL AS host, count(*) AS count, max(sequence) AS sequence FROM crash',
  lastCrash: `SELECT NULL AS host, sequence FROM crash
    ORDER BY ordered_seconds DESC, sequence DESC LIMIT 1`,
  categories: `SELECT NULL AS host, category, sum(count) AS errors, count(*) AS crashes,
      count(suspect_seconds) AS suspects, max(last_error_seconds) AS last
    FROM crash_error WHERE count > 0 GROUP BY category`,
  lastSuspect: `SELECT NULL AS host, category, crash AS sequence, suspect_seconds FROM (
      SELECT *, row_number() OVER (
        PARTITION BY category ORDER BY suspect_seconds DESC, crash DESC) AS place
      FROM crash_error WHERE suspect_seconds IS NOT NULL)
    WHERE place = 1`,
  logged: `SELECT NULL AS host, category, severity, sum(events) AS events FROM crash_logged
    GROUP BY category, severity`,
  types: `SELECT NULL AS host, crash_type, count(*) AS count FROM crash
    WHERE crash_type IS NOT NULL GROUP BY crash_type`,
  recorded: `SELECT NULL AS host, recorded_seconds FROM crash
    WHERE recorded_seconds > :since AND recorded_seconds - ordered_seconds <= :late`,
  suspects: `SELECT NULL AS host, category, suspect_seconds FROM crash_error AS e
    WHERE suspect_seconds > :since
      AND NOT EXISTS (SELECT 1 FROM repair AS r WHERE r.host = e.host AND r.crash >= e.crash)`,
};

/** Of each host from one name to another; to none, of all from the first: a blob comes after every text. */
const BY_HOST: Statements = {
  crashes: `SELECT host, count(*) AS count, max(sequence) AS sequence FROM crash
    WHERE host BETWEEN :first AND coalesce(:last, x'') GROUP BY host`,
  lastCrash: `SELECT host, sequence FROM (
      SELECT host, sequence, row_number() OVER (
        PARTITION BY host ORDER BY ordered_seconds DESC, sequence DESC) AS place
      FROM crash WHERE host BETWEEN :first AND coalesce(:last, x''))
    WHERE place = 1`,
  categories: `SELECT host, category, sum(count) AS errors, count(*) AS crashes,
      count(suspect_seconds) AS suspects, max(last_error_seconds) AS last
    FROM crash_error WHERE host BETWEEN :first AND coalesce(:last, x'') AND count > 0 GROUP BY host, category`,
  lastSuspect: `SELECT host, category, crash AS sequence, suspect_seconds FROM (
      SELECT *, row_number() OVER (
        PARTITION BY host, category ORDER BY suspect_seconds DESC, crash DESC) AS place
      FROM crash_error WHERE host BETWEEN :first AND coalesce(:last, x'') AND suspect_seconds IS NOT NULL)
    WHERE place = 1`,
  logged: `SELECT host, category, severity, sum(events) AS events FROM crash_logged
    WHERE host BETWEEN :first AND coalesce(:last, x'') GROUP BY host, category, severity`,
  types: `SELECT host, crash_type, count(*) AS count FROM crash
    WHERE host BETWEEN :first AND coalesce(:last, x'') AND crash_type IS NOT NULL GROUP BY host, crash_type`,
  recorded: `SELECT host, recorded_seconds FROM crash
    WHERE host BETWEEN :first AND coalesce(:last, x'') AND recorded_seconds > :since
      AND recorded_seconds - ordered_seconds <= :late`,
  suspects: `SELECT host, category, suspect_seconds FROM crash_error AS e
    WHERE host BETWEEN :first AND coalesce(:last, x'') AND suspect_seconds > :since
      AND NOT EXISTS (SELECT 1 FROM repair AS r WHERE r.host = e.host AND r.crash >= e.crash)`,
};

/** What totals depend on besides the tables: the name of unknown hosts, and the time. */
export interface TotalsContext {
  /** The name of those whose host is not known. */
  readonly fallback: string;
  readonly nowSeconds: number;
}

/** The totals of every crash. @throws StoreError. */
export function readTotals(store: Store, context: TotalsContext): RunningTotals {
  return totalsReader(store, ALL, {}, context)(null);
}

/** The totals of each of these hosts. @throws StoreError. */
export function readHostTotals(
  store: Store,
  hosts: readonly string[],
  context: TotalsContext,
): Map<string, RunningTotals> {
  const [only] = hosts.length === 1 ? hosts : [];
  const range = { first: only ?? '', last: only ?? null };
  const totalsOf = totalsReader(store, BY_HOST, range, context);
  return new Map(hosts.map((host) => [host, totalsOf(host)]));
}

/** @returns makes the totals of one host; null: of every crash. */
function totalsReader(
  store: Store,
  sql: Statements,
  range: Readonly<Record<string, Value>>,
  { fallback, nowSeconds }: TotalsContext,
): (host: string | null) => RunningTotals {
  const reader = (statement: string, values = {}): ((host: string | null) => readonly Row[]) => {
    const rows = Map.groupBy(store.rows(statement, { ...range, ...values }), (row) => row['host']);
    return (host) => rows.get(host) ?? [];
  };
  const since = (span: number): Record<string, number> => ({ since: nowSeconds - span });
  const crashes = reader(sql.crashes);
  const lastCrash = reader(sql.lastCrash);
  const categories = reader(sql.categories);
  const lastSuspects = reader(sql.lastSuspect);
  const logged = reader(sql.logged);
  const types = reader(sql.types);
  const recorded = reader(sql.recorded, { ...since(RECENT_SECONDS.crashes), late: LATE_SECONDS });
  const suspects = reader(sql.suspects, since(RECENT_SECONDS.suspects));
  return (host) => {
    const crashOf = crashReader(store);
    const [counted] = crashes(host);
    return new RunningTotals({
      isFallback: host === fallback,
      crashes: Number(counted?.['count'] ?? 0),
      byCategory: new Map(
        categories(host).map((row) => {
          const ofCategory = lastSuspects(host).find((one) => one['category'] === row['category']);
          return [String(row['category']), categoryTotals(row, ofCategory, crashOf)];
        }),
      ),
      logged: logged(host).map((row) => ({
        category: String(row['category']) as Category,
        severity: String(row['severity']) as Severity,
        events: Number(row['events']),
      })),
      byType: new Map(
        types(host).map((row) => [String(row['crash_type']) as CrashType, Number(row['count'])]),
      ),
      lastCrash: crashOf(lastCrash(host)[0]),
      lastRecorded: crashOf(counted),
      recordedSeconds: recorded(host).map((row) => Number(row['recorded_seconds'])),
      suspectSeconds: suspects(host).map(
        (row) => [String(row['category']), Number(row['suspect_seconds'])] as const,
      ),
    });
  };
}

function categoryTotals(
  row: Row,
  lastSuspect: Row | undefined,
  crashOf: (row: Row | undefined) => Crash | undefined,
): CategoryTotals {
  const crash = crashOf(lastSuspect);
  return {
    errors: Number(row['errors']),
    lastSeconds: number(row['last']) ?? 0,
    suspectCrashes: Number(row['suspects']),
    crashes: Number(row['crashes']),
    lastSuspect: crash && {
      crash,
      recordedSeconds: number(lastSuspect?.['suspect_seconds']) ?? 0,
    },
  };
}

/** Crashes by the `sequence` of a row, each read once. */
function crashReader(store: Store): (row: Row | undefined) => Crash | undefined {
  const read = new Map<number, Crash>();
  return (row) => {
    const sequence = number(row?.['sequence']);
    if (sequence === null) return undefined;
    const crash = read.get(sequence) ?? crashAt(store, sequence);
    read.set(sequence, crash);
    return crash;
  };
}
