// Totals as the tables give them: read when a ledger is opened, and when a crash moved to another host.

import type { Category, CrashType, Severity } from '../vmcore/index.ts';
import { crashAt, number } from './crash-rows.ts';
import { type Crash, LATE_SECONDS } from './crash.ts';
import type { Row, Store } from './store.ts';
import { type CategoryTotals, RECENT_SECONDS, RunningTotals } from './totals.ts';

/** One statement for every crash, and one for those of a host. */
interface Statements {
  readonly crashes: string;
  readonly categories: string;
  readonly logged: string;
  readonly types: string;
  readonly lastCrash: string;
  readonly lastRecorded: string;
  readonly lastSuspect: string;
  readonly recorded: string;
  readonly suspects: string;
}

const ALL: Statements = {
  crashes: 'SELECT count(*) AS count FROM crash',
  categories: `SELECT category, sum(count) AS errors, count(*) AS crashes,
      count(suspect_seconds) AS suspects, max(last_error_seconds) AS last
    FROM crash_error WHERE count > 0 GROUP BY category`,
  logged: `SELECT category, severity, sum(events) AS events FROM crash_logged
    GROUP BY category, severity`,
  types: `SELECT crash_type, count(*) AS count FROM crash
    WHERE crash_type IS NOT NULL GROUP BY crash_type`,
  lastCrash: 'SELECT sequence FROM crash ORDER BY ordered_seconds DESC, sequence DESC LIMIT 1',
  lastRecorded: 'SELECT max(sequence) AS sequence FROM crash',
  lastSuspect: `SELECT crash AS sequence, suspect_seconds FROM crash_error
    WHERE category = :category AND suspect_seconds IS NOT NULL
    ORDER BY suspect_seconds DESC, crash DESC LIMIT 1`,
  recorded: `SELECT recorded_seconds FROM crash
    WHERE recorded_seconds > :since AND recorded_seconds - ordered_seconds <= :late`,
  suspects: `SELECT category, suspect_seconds FROM crash_error AS e
    WHERE suspect_seconds > :since
      AND NOT EXISTS (SELECT 1 FROM repair AS r WHERE r.host = e.host AND r.crash >= e.crash)`,
};

const OF_HOST: Statements = {
  crashes: 'SELECT count(*) AS count FROM crash WHERE host = :host',
  categories: `SELECT category, sum(count) AS errors, count(*) AS crashes,
      count(suspect_seconds) AS suspects, max(last_error_seconds) AS last
    FROM crash_error WHERE host = :host AND count > 0 GROUP BY category`,
  logged: `SELECT category, severity, sum(events) AS events FROM crash_logged
    WHERE host = :host GROUP BY category, severity`,
  types: `SELECT crash_type, count(*) AS count FROM crash
    WHERE host = :host AND crash_type IS NOT NULL GROUP BY crash_type`,
  lastCrash: `SELECT sequence FROM crash WHERE host = :host
    ORDER BY ordered_seconds DESC, sequence DESC LIMIT 1`,
  lastRecorded: 'SELECT max(sequence) AS sequence FROM crash WHERE host = :host',
  lastSuspect: `SELECT crash AS sequence, suspect_seconds FROM crash_error
    WHERE host = :host AND category = :category AND suspect_seconds IS NOT NULL
    ORDER BY suspect_seconds DESC, crash DESC LIMIT 1`,
  recorded: `SELECT recorded_seconds FROM crash
    WHERE host = :host AND recorded_seconds > :since
      AND recorded_seconds - ordered_seconds <= :late`,
  suspects: `SELECT category, suspect_seconds FROM crash_error AS e
    WHERE host = :host AND suspect_seconds > :since
      AND NOT EXISTS (SELECT 1 FROM repair AS r WHERE r.host = e.host AND r.crash >= e.crash)`,
};

/**
 * The totals of a host, or of every crash.
 *
 * @param host undefined: every crash.
 * @throws StoreError.
 */
export function readTotals(
  store: Store,
  host: string | undefined,
  { fallback, nowSeconds }: { readonly fallback: string; readonly nowSeconds: number },
): RunningTotals {
  const sql = host === undefined ? ALL : OF_HOST;
  const of = host === undefined ? {} : { host };
  const crashes = crashReader(store);
  const byCategory = new Map<string, CategoryTotals>();
  for (const row of store.rows(sql.categories, of)) {
    const category = String(row['category']);
    const last =
      row['suspects'] === 0 ? undefined : store.row(sql.lastSuspect, { ...of, category });
    const crash = crashes(last);
    const recordedSeconds = number(last?.['suspect_seconds']) ?? 0;
    byCategory.set(category, {
      errors: Number(row['errors']),
      lastSeconds: number(row['last']) ?? 0,
      suspectCrashes: Number(row['suspects']),
      crashes: Number(row['crashes']),
      lastSuspect: crash && { crash, recordedSeconds },
    });
  }
  const since = (span: number): Record<string, string | number> => ({
    ...of,
    since: nowSeconds - span,
  });
  return new RunningTotals({
    isFallback: host === fallback,
    crashes: Number(store.row(sql.crashes, of)?.['count']),
    byCategory,
    logged: store.rows(sql.logged, of).map((row) => ({
      category: String(row['category']) as Category,
      severity: String(row['severity']) as Severity,
      events: Number(row['events']),
    })),
    byType: new Map(
      store
        .rows(sql.types, of)
        .map((row) => [String(row['crash_type']) as CrashType, Number(row['count'])]),
    ),
    lastCrash: crashes(store.row(sql.lastCrash, of)),
    lastRecorded: crashes(store.row(sql.lastRecorded, of)),
    recordedSeconds: store
      .rows(sql.recorded, { ...since(RECENT_SECONDS.crashes), late: LATE_SECONDS })
      .map((row) => Number(row['recorded_seconds'])),
    suspectSeconds: store
      .rows(sql.suspects, since(RECENT_SECONDS.suspects))
      .map((row) => [String(row['category']), Number(row['suspect_seconds'])] as const),
  });
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
