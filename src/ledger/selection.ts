// Selects crashes. Which crashes, and their order, is read from an index with all columns of the filters;
// only rows that are shown are read completely.
//
// Statements are composed of the fixed texts below, never of text from the query.

import type { CrashFilter, CrashSelection, Sort } from '../selection.ts';
import { HARDWARE_VERDICTS, VERDICTS } from '../triage.ts';
import { CRASH_COLUMNS, crashOf, crashesOf } from './crash-rows.ts';
import type { CountedCrash, Crash } from './crash.ts';
import type { CrashPage, SignatureGroup, SignaturePage } from './ledger-view.ts';
import { type Row, type Statement, type Work, row, rows, select, together } from './statements.ts';

/** Returns an SQL list of constant names. */
function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

const OF_HARDWARE = `verdict IN (${quoted(HARDWARE_VERDICTS)})`;

const CONDITIONS: Readonly<Record<keyof CrashFilter, string>> = {
  host: 'host = :host',
  sinceSeconds: 'ordered_seconds >= :sinceSeconds',
  untilSeconds: 'ordered_seconds < :untilSeconds',
  verdict: 'verdict = :verdict',
  category: `categories LIKE '%' || :category || '%'`, // no category's name is part of another's
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

/** The filter `hardware` is not a verdict but stands for several. */
const ANY_HARDWARE = `verdict IN (:verdict, ${quoted(HARDWARE_VERDICTS)})`;

function condition(name: keyof CrashFilter, { verdict }: CrashFilter): string {
  return name === 'verdict' && verdict === 'hardware' ? ANY_HARDWARE : CONDITIONS[name];
}

interface Where {
  /** ` WHERE …`, or nothing. */
  readonly sql: string;
  readonly values: Readonly<Record<string, string | number>>;
}

/** @param more conditions in addition to the filter. */
function where(filter: CrashFilter, ...more: readonly string[]): Where {
  const given = (Object.keys(CONDITIONS) as (keyof CrashFilter)[]).flatMap((name) => {
    const value = filter[name];
    return value === undefined ? [] : [{ name, value }];
  });
  const conditions = [...given.map(({ name }) => condition(name, filter)), ...more];
  return {
    sql: conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`,
    // Times in a filter may have fractions of a second; in the tables they are whole.
    values: Object.fromEntries(
      given.map(({ name, value }) => [name, typeof value === 'number' ? Math.ceil(value) : value]),
    ),
  };
}

/** Returns the statements of a page, for the test that they do not scan whole rows. */
export function statements(
  selection: CrashSelection,
): Readonly<Record<'page' | 'matching', string>> {
  const { sql } = where(selection);
  const order = ORDERS[selection.sort ?? 'newest'];
  return {
    page: `SELECT ${CRASH_COLUMNS} FROM crash WHERE sequence IN (
        SELECT sequence FROM crash${sql} ORDER BY ${order} LIMIT :limit OFFSET :offset)
      ORDER BY ${order}`,
    // Crashes are numbered from 1 without gaps.
    matching: `SELECT ${sql === '' ? 'max(sequence)' : 'count(*)'} AS count FROM crash${sql}`,
  };
}

/** Returns one page of crashes. */
export function* selectCrashes(selection: CrashSelection): Work<CrashPage> {
  const { values } = where(selection);
  const { limit, offset } = selection;
  const found = yield* rows(statements(selection).page, { ...values, limit, offset });
  return { crashes: yield* crashesOf(found), matching: yield* matching(selection) };
}

/** Returns the number of selected crashes. */
function* matching(selection: CrashSelection): Work<number> {
  const counted = yield* row(statements(selection).matching, where(selection).values);
  return Number(counted?.['count']);
}

function groupOf(signature: string, row: Row, newest: CountedCrash): SignatureGroup {
  return {
    ...{ signature, newest },
    crashes: Number(row['crashes']),
    hosts: Number(row['hosts']),
    kernels: Number(row['kernels']),
    models: Number(row['models']),
    unnamed: Number(row['unnamed']),
    ofHardware: Number(row['of_hardware']),
  };
}

/**
 * The numbers of one signature. Computed only for the signatures on a page, because computing them for all
 * takes long.
 */
const GROUP = `count(*) AS crashes, count(DISTINCT host) AS hosts,
  count(DISTINCT kernel_release) AS kernels, count(DISTINCT hardware) AS models,
  count(*) - count(hardware) AS unnamed, count(CASE WHEN ${OF_HARDWARE} THEN 1 END) AS of_hardware`;

/** Returns the numbers, and the newest of the selected crashes, of each signature. */
function* groupsOf(
  selection: CrashFilter,
  signatures: readonly string[],
): Work<readonly SignatureGroup[]> {
  const ofEach = (columns: string, order: string): readonly Statement[] =>
    signatures.map((signature) => {
      const { sql, values } = where({ ...selection, signature });
      return select(`SELECT ${columns} FROM crash${sql}${order}`, values);
    });
  const answers = yield* together([
    ...ofEach(GROUP, ''),
    ...ofEach(CRASH_COLUMNS, ` ORDER BY ${NEWEST} LIMIT 1`),
  ]);
  const found = answers.map(({ rows: [row] }) => row ?? {});
  return signatures.map((signature, i) =>
    groupOf(signature, found[i] ?? {}, crashOf(found[signatures.length + i] ?? {})),
  );
}

/** Returns one page of signatures. */
export function* selectSignatures(selection: CrashSelection): Work<SignaturePage> {
  const signed = where(selection, 'signature IS NOT NULL');
  const { limit, offset } = selection;
  const found = yield* rows(
    `SELECT signature, count(*) AS crashes, max(ordered_seconds) AS newest,
       count(*) OVER () AS signatures, sum(count(*)) OVER () AS signed
     FROM crash${signed.sql} GROUP BY signature
     ORDER BY crashes DESC, newest DESC, signature LIMIT :limit OFFSET :offset`,
    { ...signed.values, limit, offset },
  );
  const totals = `SELECT count(DISTINCT signature) AS signatures, count(*) AS signed FROM crash`;
  const all = found[0] ?? (yield* row(totals + signed.sql, signed.values));
  return {
    groups: yield* groupsOf(
      selection,
      found.map(({ signature }) => String(signature)),
    ),
    signatures: Number(all?.['signatures']),
    unsigned: (yield* matching(selection)) - Number(all?.['signed']),
  };
}

/** Returns the crash with this id; undefined if there is none. */
export function* crashOfId(id: string): Work<Crash | undefined> {
  const [crash] = yield* crashesOf(
    yield* rows(`SELECT ${CRASH_COLUMNS} FROM crash WHERE id = ?`, [id]),
  );
  return crash;
}

const STEP = 256;

/**
 * Returns the next selected crashes after `last` (undefined: the first), newest first. Reading a few at a
 * time keeps no transaction open for slow consumers.
 */
export function* nextCrashes(filter: CrashFilter, last: Crash | undefined): Work<Crash[]> {
  const { sql, values } = where(filter, '(ordered_seconds, sequence) < (:seconds, :sequence)');
  return yield* crashesOf(
    yield* rows(`SELECT ${CRASH_COLUMNS} FROM crash${sql} ORDER BY ${NEWEST} LIMIT :step`, {
      ...values,
      seconds: last?.orderedSeconds ?? Number.MAX_SAFE_INTEGER,
      sequence: last?.sequence ?? 0,
      step: STEP,
    }),
  );
}
