// Crashes that somebody asks for, newest first: always by an index, never by a walk.

import { crashOf } from './crash-rows.ts';
import type { Crash } from './crash.ts';
import type { CrashPage, CrashSelection } from './ledger-view.ts';
import type { Store } from './store.ts';

interface Statements {
  readonly page: string;
  readonly matching: string;
}

/** The statements by what is asked for; each is answered by an index. */
export const SELECTIONS: Readonly<Record<'every' | 'host' | 'category' | 'both', Statements>> = {
  every: {
    page: `SELECT * FROM crash ORDER BY ordered_seconds DESC, sequence DESC
    LIMIT :limit OFFSET :offset`,
    matching: 'SELECT count(*) AS count FROM crash',
  },
  host: {
    page: `SELECT * FROM crash WHERE host = :host ORDER BY ordered_seconds DESC, sequence DESC
    LIMIT :limit OFFSET :offset`,
    matching: 'SELECT count(*) AS count FROM crash WHERE host = :host',
  },
  category: {
    page: `SELECT * FROM crash WHERE sequence IN (
      SELECT crash FROM crash_error WHERE category = :category AND count > 0
      ORDER BY ordered_seconds DESC, crash DESC LIMIT :limit OFFSET :offset)
    ORDER BY ordered_seconds DESC, sequence DESC`,
    matching: 'SELECT count(*) AS count FROM crash_error WHERE category = :category AND count > 0',
  },
  both: {
    page: `SELECT * FROM crash WHERE sequence IN (
      SELECT crash FROM crash_error WHERE host = :host AND category = :category AND count > 0
      ORDER BY ordered_seconds DESC, crash DESC LIMIT :limit OFFSET :offset)
    ORDER BY ordered_seconds DESC, sequence DESC`,
    matching: `SELECT count(*) AS count FROM crash_error
    WHERE host = :host AND category = :category AND count > 0`,
  },
};

/** @throws StoreError. */
export function selectCrashes(
  store: Store,
  { host, category, offset, limit }: CrashSelection,
): CrashPage {
  const values = {
    ...(host !== undefined && { host }),
    ...(category !== undefined && { category }),
  };
  const sql = statements(host, category);
  return {
    crashes: store.rows(sql.page, { ...values, limit, offset }).map((row) => crashOf(store, row)),
    matching: Number(store.row(sql.matching, values)?.['count']),
  };
}

function statements(host: string | undefined, category: string | undefined): Statements {
  const { every, host: ofHost, category: ofCategory, both } = SELECTIONS;
  if (category === undefined) return host === undefined ? every : ofHost;
  return host === undefined ? ofCategory : both;
}

const STEP = 256;

/**
 * Every crash, newest first, read a few at a time: whoever walks slowly keeps no transaction open.
 *
 * @throws StoreError.
 */
export function* everyCrash(store: Store): Generator<Crash> {
  let last: Crash | undefined;
  do {
    const rows: readonly Crash[] = store
      .rows(
        `SELECT * FROM crash WHERE (ordered_seconds, sequence) < (:seconds, :sequence)
         ORDER BY ordered_seconds DESC, sequence DESC LIMIT :step`,
        {
          seconds: last?.orderedSeconds ?? Number.MAX_SAFE_INTEGER,
          sequence: last?.sequence ?? 0,
          step: STEP,
        },
      )
      .map((row) => crashOf(store, row));
    yield* rows;
    last = rows.at(-1);
  } while (last !== undefined);
}
