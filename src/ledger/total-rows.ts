// Reads totals from the tables by index: for one host as many index entries as it has crashes, and few rows.
// The result can be cached as text, which is smaller than the totals made from it.

import { CATEGORIES, type Category, type CrashType, type Severity } from '../vmcore/index.ts';
import { crashesAt, number } from './crash-rows.ts';
import { type CountedCrash, LATE_SECONDS } from './crash.ts';
import { SPANS, type Slice, recent } from './recent.ts';
import { type Row, type Statement, type Work, select, together } from './statements.ts';
import type { CategoryTotals, Totals } from './totals.ts';

/** Parameters of totals besides the tables. */
export interface TotalsContext {
  /** The name of unknown hosts. */
  readonly fallback: string;
  /** Number of hosts with their own totals: those recorded first. */
  readonly maxHosts: number;
  readonly nowSeconds: number;
}

/** The data of totals: JSON of a TotalRows. */
export type TotalsText = string;

/** Rows of the statements below, and the crashes they refer to. */
interface TotalRows {
  readonly isFallback: boolean;
  readonly last: readonly Row[];
  readonly crashes: readonly Row[];
  readonly errors: readonly Row[];
  readonly suspects: readonly Row[];
  readonly logged: readonly Row[];
  readonly named: readonly CountedCrash[];
}

const NOTHING = { last: [], crashes: [], errors: [], suspects: [], logged: [], named: [] };

/** The totals of an empty ledger. */
export const NO_CRASHES: Totals = totalsOf({ isFallback: false, ...NOTHING });

/** Reads the totals of all crashes. */
export function* readTotals(context: TotalsContext): Work<TotalsText> {
  return JSON.stringify(yield* rowsOf(undefined, context));
}

/** Reads the totals of one host; undefined if it has no crash or is beyond the limit. */
export function* readHostTotals(
  host: string,
  context: TotalsContext,
): Work<TotalsText | undefined> {
  const found = yield* rowsOf(host, context);
  const hostNumber = number(found.last[0]?.['host']) ?? Infinity;
  if (hostNumber > context.maxHosts || found.crashes.length === 0) return undefined;
  return JSON.stringify(found);
}

/** Returns the totals in a text that was read. */
export function totalsIn(text: TotalsText): Totals {
  return totalsOf(JSON.parse(text) as TotalRows);
}

/** @param host undefined: all crashes. */
function* rowsOf(host: string | undefined, context: TotalsContext): Work<TotalRows> {
  const answers = yield* together(statements(host, context));
  const [last = [], crashes = [], errors = [], suspects = [], logged = []] = answers.map(
    ({ rows }) => rows,
  );
  const sequences = [last, errors, newest(crashes)].flatMap((rows) =>
    rows.flatMap(({ sequence }) => number(sequence) ?? []),
  );
  const isFallback = host === context.fallback;
  const named = yield* crashesAt([...new Set(sequences)]);
  return { isFallback, last, crashes, errors, suspects, logged, named };
}

/**
 * Returns the statements for: the newest crash; crashes by type and time of recording; errors by category,
 * with the crash that was last recorded as suspect; times at which suspect crashes were recorded; errors in
 * logs.
 */
function statements(host: string | undefined, { nowSeconds }: TotalsContext): Statement[] {
  const scope = host === undefined ? 'TRUE' : 'host = :host';
  const values = host === undefined ? {} : { host };
  const { crashes, suspects } = SPANS;
  return [
    select(
      `SELECT (SELECT number FROM host WHERE ${host === undefined ? 'FALSE' : 'name = :host'}) AS host,
         (SELECT sequence FROM crash WHERE ${scope}
           ORDER BY ordered_seconds DESC, sequence DESC LIMIT 1) AS sequence`,
      values,
    ),
    select(
      `SELECT crash_type, CASE
           WHEN recorded_seconds > :since AND recorded_seconds - ordered_seconds <= :late
           THEN recorded_seconds / ${crashes.sliceSeconds} END AS slice,
         count(*) AS count, max(sequence) AS sequence
       FROM crash WHERE ${scope} GROUP BY crash_type, slice`,
      { ...values, since: nowSeconds - crashes.seconds, late: LATE_SECONDS },
    ),
    select(
      `SELECT *, (SELECT crash FROM crash_error
           WHERE ${scope} AND category = counted.category AND suspect_seconds IS NOT NULL
           ORDER BY suspect_seconds DESC, crash DESC LIMIT 1) AS sequence
         FROM (
           SELECT category, sum(count) AS errors, count(*) AS crashes,
             count(suspect_seconds) AS suspects, max(suspect_seconds) AS suspect_seconds,
             max(last_error_seconds) AS last
           FROM crash_error WHERE ${scope} AND count > 0 GROUP BY category) AS counted`,
      values,
    ),
    // Grouped by the second first, in index order, because one transaction may record many crashes.
    select(
      `SELECT category, suspect_seconds / ${suspects.sliceSeconds} AS slice, sum(count) AS count
         FROM (
           SELECT category, suspect_seconds, count(*) AS count FROM crash_error AS e
           WHERE ${scope} AND suspect_seconds > :since
             AND NOT EXISTS (SELECT 1 FROM repair AS r WHERE r.host = e.host AND r.crash >= e.crash)
           GROUP BY category, suspect_seconds) AS counted
         GROUP BY category, slice`,
      { ...values, since: nowSeconds - suspects.seconds },
    ),
    select(
      `SELECT category, severity, sum(events) AS events FROM crash_logged WHERE ${scope}
         GROUP BY category, severity`,
      values,
    ),
  ];
}

function totalsOf({
  isFallback,
  last,
  crashes,
  errors,
  suspects,
  logged,
  named,
}: TotalRows): Totals {
  const known: ReadonlyMap<unknown, CountedCrash> = new Map(
    named.map((crash) => [crash.sequence, crash]),
  );
  const recorded = crashes.flatMap(sliceOf);
  const slices = new Map(
    CATEGORIES.map((name) => [name as string, ofCategory(suspects, name).flatMap(sliceOf)]),
  );
  return {
    isFallback,
    crashes: sum(crashes),
    byCategory: new Map(
      CATEGORIES.map((name) => {
        const [row] = ofCategory(errors, name);
        return [name, categoryTotals(row, known.get(row?.['sequence']))];
      }),
    ),
    logged: logged.map((row) => ({
      category: String(row['category']) as Category,
      severity: String(row['severity']) as Severity,
      events: Number(row['events']),
    })),
    byType: byType(crashes),
    lastCrash: known.get(last[0]?.['sequence']),
    lastRecorded: known.get(newest(crashes)[0]?.['sequence']),
    recordedWithinDay: (nowSeconds) => recent(recorded, SPANS.crashes, nowSeconds),
    recentSuspects: (category, nowSeconds) =>
      recent(slices.get(category) ?? [], SPANS.suspects, nowSeconds),
  };
}

/** Returns the row with the last recorded crash. */
function newest(crashes: readonly Row[]): readonly Row[] {
  return crashes.toSorted((a, b) => Number(b['sequence']) - Number(a['sequence'])).slice(0, 1);
}

function ofCategory(rows: readonly Row[], name: string): readonly Row[] {
  return rows.filter(({ category }) => category === name);
}

function sum(rows: readonly Row[]): number {
  return rows.reduce((all, { count }) => all + Number(count), 0);
}

function byType(crashes: readonly Row[]): ReadonlyMap<CrashType, number> {
  const types = new Set(crashes.flatMap(({ crash_type: type }) => type ?? []));
  return new Map(
    [...types].map((type) => [
      String(type) as CrashType,
      sum(crashes.filter(({ crash_type: one }) => one === type)),
    ]),
  );
}

function sliceOf({ slice, count }: Row): Slice[] {
  return typeof slice === 'number' ? [[slice, Number(count)]] : [];
}

function categoryTotals(row: Row | undefined, suspect: CountedCrash | undefined): CategoryTotals {
  return {
    errors: Number(row?.['errors'] ?? 0),
    lastSeconds: number(row?.['last']) ?? 0,
    suspectCrashes: Number(row?.['suspects'] ?? 0),
    crashes: Number(row?.['crashes'] ?? 0),
    lastSuspect: suspect && {
      crash: suspect,
      recordedSeconds: number(row?.['suspect_seconds']) ?? 0,
    },
  };
}
