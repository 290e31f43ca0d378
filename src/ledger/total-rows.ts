// Reads totals from the tables, by index: for one host it reads as many rows as the host has crashes.

import { CATEGORIES, type Category, type CrashType, type Severity } from '../vmcore/index.ts';
import { crashesAt, number } from './crash-rows.ts';
import { type Crash, LATE_SECONDS } from './crash.ts';
import { SPANS, type Slice, recent } from './recent.ts';
import {
  type Answer,
  type Row,
  type Statement,
  type Work,
  select,
  together,
} from './statements.ts';
import type { CategoryTotals, Totals } from './totals.ts';

/** What totals depend on besides the tables. */
export interface TotalsContext {
  /** The name of those hosts that are not known. */
  readonly fallback: string;
  /** Hosts with totals of their own: those that became known first. */
  readonly maxHosts: number;
  readonly nowSeconds: number;
}

/** Of a ledger with nothing in it. */
export const NO_CRASHES: Totals = totalsFrom([], [], false);

/** The totals of every crash. */
export function* readTotals(context: TotalsContext): Work<Totals> {
  return yield* totalsOf(yield* together(statements(undefined, context)), false);
}

/** The totals of one host; undefined where no crash is of it, and beyond the limit. */
export function* readHostTotals(host: string, context: TotalsContext): Work<Totals | undefined> {
  const [known, ...answers] = yield* together([
    select('SELECT number FROM host WHERE name = ?', [host]),
    ...statements(host, context),
  ]);
  if ((number(known?.rows[0]?.['number']) ?? Infinity) > context.maxHosts) return undefined;
  const totals = yield* totalsOf(answers, host === context.fallback);
  return totals.crashes === 0 ? undefined : totals;
}

const EACH_CATEGORY = CATEGORIES.map((name) => `SELECT '${name}' AS category`).join(' UNION ALL ');

/** @param host undefined: of every crash. */
function statements(host: string | undefined, { nowSeconds }: TotalsContext): Statement[] {
  const scope = host === undefined ? 'TRUE' : 'host = :host';
  const values = host === undefined ? {} : { host };
  return [
    select(`SELECT count(*) AS count, max(sequence) AS sequence FROM crash WHERE ${scope}`, values),
    select(
      `SELECT sequence FROM crash WHERE ${scope}
         ORDER BY ordered_seconds DESC, sequence DESC LIMIT 1`,
      values,
    ),
    select(
      `SELECT category, sum(count) AS errors, count(*) AS crashes,
         count(suspect_seconds) AS suspects, max(last_error_seconds) AS last
       FROM crash_error WHERE ${scope} AND count > 0 GROUP BY category`,
      values,
    ),
    select(
      `SELECT one.category, e.crash AS sequence, e.suspect_seconds
         FROM (${EACH_CATEGORY}) AS one JOIN crash_error AS e ON e.category = one.category
           AND e.crash = (SELECT crash FROM crash_error
             WHERE ${scope} AND category = one.category AND suspect_seconds IS NOT NULL
             ORDER BY suspect_seconds DESC, crash DESC LIMIT 1)`,
      values,
    ),
    select(
      `SELECT category, severity, sum(events) AS events FROM crash_logged WHERE ${scope}
         GROUP BY category, severity`,
      values,
    ),
    select(
      `SELECT crash_type, count(*) AS count FROM crash
         WHERE ${scope} AND crash_type IS NOT NULL GROUP BY crash_type`,
      values,
    ),
    select(
      `SELECT recorded_seconds / ${SPANS.crashes.sliceSeconds} AS slice, count(*) AS count
         FROM crash
         WHERE ${scope} AND recorded_seconds > :since AND recorded_seconds - ordered_seconds <= :late
         GROUP BY slice`,
      { ...values, since: nowSeconds - SPANS.crashes.seconds, late: LATE_SECONDS },
    ),
    select(
      `SELECT category, suspect_seconds / ${SPANS.suspects.sliceSeconds} AS slice, count(*) AS count
         FROM crash_error AS e
         WHERE ${scope} AND suspect_seconds > :since
           AND NOT EXISTS (SELECT 1 FROM repair AS r WHERE r.host = e.host AND r.crash >= e.crash)
         GROUP BY category, slice`,
      { ...values, since: nowSeconds - SPANS.suspects.seconds },
    ),
  ];
}

/** @param answers of the statements above. */
function* totalsOf(answers: readonly Answer[], isFallback: boolean): Work<Totals> {
  const named = answers.slice(0, 4).flatMap(({ rows }) => rows);
  const sequences = new Set(named.flatMap(({ sequence }) => number(sequence) ?? []));
  return totalsFrom(answers, yield* crashesAt([...sequences]), isFallback);
}

/** @param crashes those that rows name by `sequence`. */
function totalsFrom(
  answers: readonly Answer[],
  crashes: readonly Crash[],
  isFallback: boolean,
): Totals {
  const rowsOf = (i: number): readonly Row[] => answers[i]?.rows ?? [];
  const [[counted], [last], categories, lastSuspects] = [
    rowsOf(0),
    rowsOf(1),
    rowsOf(2),
    rowsOf(3),
  ];
  const crashOf = (row: Row | undefined): Crash | undefined =>
    crashes.find(({ sequence }) => sequence === row?.['sequence']);
  const ofCategory = (rows: readonly Row[], name: string): Row[] =>
    rows.filter(({ category }) => category === name);
  const recorded = rowsOf(6).map(sliceOf);
  const suspects = new Map(
    CATEGORIES.map((name) => [name as string, ofCategory(rowsOf(7), name).map(sliceOf)]),
  );
  return {
    isFallback,
    crashes: Number(counted?.['count'] ?? 0),
    byCategory: new Map(
      CATEGORIES.map((name) => {
        const [[sums], [suspect]] = [ofCategory(categories, name), ofCategory(lastSuspects, name)];
        return [name, categoryTotals(sums, suspect, crashOf)];
      }),
    ),
    logged: rowsOf(4).map((row) => ({
      category: String(row['category']) as Category,
      severity: String(row['severity']) as Severity,
      events: Number(row['events']),
    })),
    byType: new Map(
      rowsOf(5).map((row) => [String(row['crash_type']) as CrashType, Number(row['count'])]),
    ),
    lastCrash: crashOf(last),
    lastRecorded: crashOf(counted),
    recordedWithinDay: (nowSeconds) => recent(recorded, SPANS.crashes, nowSeconds),
    recentSuspects: (category, nowSeconds) =>
      recent(suspects.get(category) ?? [], SPANS.suspects, nowSeconds),
  };
}

function sliceOf({ slice, count }: Row): Slice {
  return [Number(slice), Number(count)];
}

function categoryTotals(
  sums: Row | undefined,
  suspect: Row | undefined,
  crashOf: (row: Row | undefined) => Crash | undefined,
): CategoryTotals {
  const crash = crashOf(suspect);
  return {
    errors: Number(sums?.['errors'] ?? 0),
    lastSeconds: number(sums?.['last']) ?? 0,
    suspectCrashes: Number(sums?.['suspects'] ?? 0),
    crashes: Number(sums?.['crashes'] ?? 0),
    lastSuspect: crash && { crash, recordedSeconds: number(suspect?.['suspect_seconds']) ?? 0 },
  };
}
