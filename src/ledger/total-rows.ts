// Totals as the tables give them: read when a ledger is opened, and when a crash moved to another host.
// A few statements give those of every host together: one for each would be a hundred thousand.

import type { Category, CrashType, Severity } from '../vmcore/index.ts';
import { crashesAt, number } from './crash-rows.ts';
import { type Crash, LATE_SECONDS } from './crash.ts';
import { type Row, type Value, type Work, select, together } from './statements.ts';
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
      FROM crash_error WHERE suspect_seconds IS NOT NULL) AS ranked
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

/** Of each host from one name to another. */
const BY_HOST: Statements = {
  crashes: `SELECT host, count(*) AS count, max(sequence) AS sequence FROM crash
    WHERE host BETWEEN :first AND :last GROUP BY host`,
  lastCrash: `SELECT host, sequence FROM (
      SELECT host, sequence, row_number() OVER (
        PARTITION BY host ORDER BY ordered_seconds DESC, sequence DESC) AS place
      FROM crash WHERE host BETWEEN :first AND :last) AS ranked
    WHERE place = 1`,
  categories: `SELECT host, category, sum(count) AS errors, count(*) AS crashes,
      count(suspect_seconds) AS suspects, max(last_error_seconds) AS last
    FROM crash_error WHERE host BETWEEN :first AND :last AND count > 0 GROUP BY host, category`,
  lastSuspect: `SELECT host, category, crash AS sequence, suspect_seconds FROM (
      SELECT *, row_number() OVER (
        PARTITION BY host, category ORDER BY suspect_seconds DESC, crash DESC) AS place
      FROM crash_error WHERE host BETWEEN :first AND :last AND suspect_seconds IS NOT NULL) AS ranked
    WHERE place = 1`,
  logged: `SELECT host, category, severity, sum(events) AS events FROM crash_logged
    WHERE host BETWEEN :first AND :last GROUP BY host, category, severity`,
  types: `SELECT host, crash_type, count(*) AS count FROM crash
    WHERE host BETWEEN :first AND :last AND crash_type IS NOT NULL GROUP BY host, crash_type`,
  recorded: `SELECT host, recorded_seconds FROM crash
    WHERE host BETWEEN :first AND :last AND recorded_seconds > :since
      AND recorded_seconds - ordered_seconds <= :late`,
  suspects: `SELECT host, category, suspect_seconds FROM crash_error AS e
    WHERE host BETWEEN :first AND :last AND suspect_seconds > :since
      AND NOT EXISTS (SELECT 1 FROM repair AS r WHERE r.host = e.host AND r.crash >= e.crash)`,
};

/** What totals depend on besides the tables: the name of unknown hosts, and the time. */
export interface TotalsContext {
  /** The name of those whose host is not known. */
  readonly fallback: string;
  readonly nowSeconds: number;
}

/** The totals of every crash. */
export function* readTotals(context: TotalsContext): Work<RunningTotals> {
  const totalsOf = yield* totalsReader(ALL, {}, context);
  return yield* totalsOf(null);
}

/** After every name: the last code point there is. */
const AFTER_ALL = '\u{10ffff}';

/** The totals of each of these hosts. */
export function* readHostTotals(
  hosts: readonly string[],
  context: TotalsContext,
): Work<Map<string, RunningTotals>> {
  const [only] = hosts.length === 1 ? hosts : [];
  const range = { first: only ?? '', last: only ?? AFTER_ALL };
  const totalsOf = yield* totalsReader(BY_HOST, range, context);
  const totals = new Map<string, RunningTotals>();
  for (const host of hosts) totals.set(host, yield* totalsOf(host));
  return totals;
}

/** @returns makes the totals of one host; null: of every crash. */
function* totalsReader(
  sql: Statements,
  range: Readonly<Record<string, Value>>,
  { fallback, nowSeconds }: TotalsContext,
): Work<(host: string | null) => Work<RunningTotals>> {
  const since = (span: number): Record<string, number> => ({ since: nowSeconds - span });
  const answers = yield* together([
    select(sql.crashes, range),
    select(sql.lastCrash, range),
    select(sql.categories, range),
    select(sql.lastSuspect, range),
    select(sql.logged, range),
    select(sql.types, range),
    select(sql.recorded, { ...range, ...since(RECENT_SECONDS.crashes), late: LATE_SECONDS }),
    select(sql.suspects, { ...range, ...since(RECENT_SECONDS.suspects) }),
  ]);
  const byHost = answers.map((answer) => Map.groupBy(answer.rows, (row) => row['host']));
  return function* (host): Work<RunningTotals> {
    const rowsOf = (i: number): readonly Row[] => byHost[i]?.get(host) ?? [];
    const [crashes, last, categories, lastSuspects] = [rowsOf(0), rowsOf(1), rowsOf(2), rowsOf(3)];
    const [logged, types, recorded, suspects] = [rowsOf(4), rowsOf(5), rowsOf(6), rowsOf(7)];
    const named = [...crashes, ...last, ...lastSuspects];
    const crashOf = yield* crashReader(named);
    const [counted] = crashes;
    return new RunningTotals({
      isFallback: host === fallback,
      crashes: Number(counted?.['count'] ?? 0),
      byCategory: new Map(
        categories.map((row) => {
          const ofCategory = lastSuspects.find((one) => one['category'] === row['category']);
          return [String(row['category']), categoryTotals(row, ofCategory, crashOf)];
        }),
      ),
      logged: logged.map((row) => ({
        category: String(row['category']) as Category,
        severity: String(row['severity']) as Severity,
        events: Number(row['events']),
      })),
      byType: new Map(
        types.map((row) => [String(row['crash_type']) as CrashType, Number(row['count'])]),
      ),
      lastCrash: crashOf(last[0]),
      lastRecorded: crashOf(counted),
      recordedSeconds: recorded.map((row) => Number(row['recorded_seconds'])),
      suspectSeconds: suspects.map(
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

/** The crashes that rows name by `sequence`, each read once. */
function* crashReader(named: readonly Row[]): Work<(row: Row | undefined) => Crash | undefined> {
  const sequences = new Set(named.flatMap((row) => number(row['sequence']) ?? []));
  const crashes = yield* crashesAt([...sequences]);
  const bySequence = new Map(crashes.map((crash) => [crash.sequence, crash]));
  return (row) => bySequence.get(Number(row?.['sequence']));
}
