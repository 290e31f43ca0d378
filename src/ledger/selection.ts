// Crashes that a query selects. Which they are, and in what order, is read from an index that has
// every column asked about; only rows that are shown are read whole.
//
// Statements are put together from the fixed texts below, and never from what was asked.

import type { CrashFilter, CrashSelection, Sort } from '../selection.ts';
import { HARDWARE_VERDICTS, VERDICTS } from '../triage.ts';
import { crashOf } from './crash-rows.ts';
import type { Crash } from './crash.ts';
import type { CrashPage, SignaturePage } from './ledger-view.ts';
import type { Store } from './store.ts';

/** An SQL list of names of this program's own. */
function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

const OF_HARDWARE = `verdict IN (${quoted(HARDWARE_VERDICTS)})`;

const CONDITIONS: Readonly<Record<keyof CrashFilter, string>> = {
  host: 'host = :host',
  sinceSeconds: 'ordered_seconds >= :sinceSeconds',
  untilSeconds: 'ordered_seconds < :untilSeconds',
  verdict: `:verdict IN (verdict, iif(${OF_HARDWARE}, 'hardware', NULL))`,
  category: 'instr(categories, :category) > 0', // no category's name is part of another's
  kernel: 'kernel_release = :kernel',
  model: 'hardware = :model',
  signature: 'signature = :signature',
};

const NEWEST = 'ordered_seconds DESC, sequence DESC';

const ORDERS: Readonly<Record<Sort, string>> = {
  newest: NEWEST,
  oldest: 'ordered_seconds, sequence',
  host: `host, ${NEWEST}`,
  kernel: `kernel_release, ${NEWEST}`,
  model: `hardware IS NULL, hardware, ${NEWEST}`,
  verdict: `CASE verdict ${VERDICTS.map((kind, i) => `WHEN '${kind}' THEN ${i}`).join(' ')} END, ${NEWEST}`,
};

interface Where {
  /** ` WHERE …`, or nothing. */
  readonly sql: string;
  readonly values: Readonly<Record<string, string | number>>;
}

/** @param more conditions beside those of the filter. */
function where(filter: CrashFilter, ...more: readonly string[]): Where {
  const asked = (Object.keys(CONDITIONS) as (keyof CrashFilter)[]).flatMap((name) => {
    const value = filter[name];
    return value === undefined ? [] : [{ name, value }];
  });
  const conditions = [...asked.map(({ name }) => CONDITIONS[name]), ...more];
  return {
    sql: conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`,
    values: Object.fromEntries(asked.map(({ name, value }) => [name, value])),
  };
}

/** What is asked of the database for a page, for the test that no walk over whole rows is among it. */
export function statements(
  selection: CrashSelection,
): Readonly<Record<'page' | 'matching', string>> {
  const { sql } = where(selection);
  const order = ORDERS[selection.sort ?? 'newest'];
  return {
    page: `SELECT * FROM crash WHERE sequence IN (
        SELECT sequence FROM crash${sql} ORDER BY ${order} LIMIT :limit OFFSET :offset)
      ORDER BY ${order}`,
    matching: `SELECT count(*) AS count FROM crash${sql}`,
  };
}

/** @throws StoreError. */
export function selectCrashes(store: Store, selection: CrashSelection): CrashPage {
  const { page, matching } = statements(selection);
  const { values } = where(selection);
  const { limit, offset } = selection;
  return {
    crashes: store.rows(page, { ...values, limit, offset }).map((row) => crashOf(store, row)),
    matching: Number(store.row(matching, values)?.['count']),
  };
}

/** @throws StoreError. */
export function selectSignatures(store: Store, selection: CrashSelection): SignaturePage {
  const signed = where(selection, 'signature IS NOT NULL');
  const unsigned = where(selection, 'signature IS NULL');
  const { limit, offset } = selection;
  const rows = store.rows(
    `SELECT signature, count(*) AS crashes, count(DISTINCT host) AS hosts,
       count(DISTINCT kernel_release) AS kernels, count(DISTINCT hardware) AS models,
       sum(hardware IS NULL) AS unnamed, sum(${OF_HARDWARE}) AS of_hardware,
       max(ordered_seconds) AS newest
     FROM crash${signed.sql} GROUP BY signature
     ORDER BY crashes DESC, newest DESC, signature LIMIT :limit OFFSET :offset`,
    { ...signed.values, limit, offset },
  );
  const newestOf = (signature: string): Crash => {
    const { sql, values } = where({ ...selection, signature });
    const [row] = store.rows(`SELECT * FROM crash${sql} ORDER BY ${NEWEST} LIMIT 1`, values);
    return crashOf(store, row ?? {});
  };
  const count = (sql: string, { values }: Where): number =>
    Number(store.row(sql, values)?.['count']);
  return {
    groups: rows.map((row) => ({
      signature: String(row['signature']),
      newest: newestOf(String(row['signature'])),
      crashes: Number(row['crashes']),
      hosts: Number(row['hosts']),
      kernels: Number(row['kernels']),
      models: Number(row['models']),
      unnamed: Number(row['unnamed']),
      ofHardware: Number(row['of_hardware']),
    })),
    signatures: count(`SELECT count(DISTINCT signature) AS count FROM crash${signed.sql}`, signed),
    unsigned: count(`SELECT count(*) AS count FROM crash${unsigned.sql}`, unsigned),
  };
}

const STEP = 256;

/**
 * Every crash that is selected, newest first, read a few at a time: whoever walks slowly keeps no
 * transaction open.
 *
 * @throws StoreError.
 */
export function* eachCrash(store: Store, filter: CrashFilter = {}): Generator<Crash> {
  const { sql, values } = where(filter, '(ordered_seconds, sequence) < (:seconds, :sequence)');
  let last: Crash | undefined;
  do {
    const rows: readonly Crash[] = store
      .rows(`SELECT * FROM crash${sql} ORDER BY ${NEWEST} LIMIT :step`, {
        ...values,
        seconds: last?.orderedSeconds ?? Number.MAX_SAFE_INTEGER,
        sequence: last?.sequence ?? 0,
        step: STEP,
      })
      .map((row) => crashOf(store, row));
    yield* rows;
    last = rows.at(-1);
  } while (last !== undefined);
}
