// Repairs that an operator acknowledged: from then on older crashes of the host no longer count as
// recent suspects.

import { number } from './crash-rows.ts';
import { type Row, Store } from './store.ts';

/** One repair of one host, which is for its crashes up to `crash`. */
export interface Repair {
  /** From 1, in the order in which they were acknowledged. */
  readonly number: number;
  readonly host: string;
  /** `sequence` of the host's newest crash by then. */
  readonly crash: number;
  /** Unix seconds. */
  readonly recordedSeconds: number;
  readonly note: string;
}

/** A host that is not in the ledger, or none where there are several. */
class UnknownHost extends Error {}

const MAX_NOTE_LENGTH = 500;

/**
 * Acknowledge that a host was repaired. Said again with the same note before its next crash, it
 * changes nothing.
 *
 * @param host undefined: the only one that the ledger knows.
 * @returns the repair, and whether it is new.
 * @throws UnknownHost; StoreError.
 */
function recordRepair(
  store: Store,
  host: string | undefined,
  note: string,
  nowSeconds: number,
): { readonly repair: Repair; readonly isNew: boolean } {
  return store.transaction(() => {
    const name = host ?? onlyHost(store);
    const last = store.row('SELECT max(sequence) AS crash FROM crash WHERE host = ?', [name]);
    const crash = number(last?.['crash']);
    if (crash === null) throw new UnknownHost(`no crash of host ${name} is recorded`);
    const text = note.slice(0, MAX_NOTE_LENGTH);
    const known = store.row('SELECT * FROM repair WHERE host = ? AND crash = ? AND note = ?', [
      name,
      crash,
      text,
    ]);
    if (known !== undefined) return { repair: repairOf(known), isNew: false };
    const row = store.row(
      `INSERT INTO repair (host, crash, recorded_seconds, note) VALUES (?, ?, ?, ?) RETURNING *`,
      [name, crash, nowSeconds, text],
    );
    return { repair: repairOf(row ?? {}), isNew: true };
  });
}

/**
 * recordRepair() in the ledger of a directory, which a daemon may have open.
 *
 * @throws UnknownHost; StoreError when there is no ledger, or it cannot be written.
 */
export function repaired(
  directory: string,
  host: string | undefined,
  note: string,
): { readonly repair: Repair; readonly isNew: boolean } {
  Store.openCurrent(directory).close();
  const store = Store.open(directory, 'write');
  try {
    return recordRepair(store, host, note, Math.floor(Date.now() / 1000));
  } finally {
    store.close();
  }
}

function onlyHost(store: Store): string {
  const hosts = store.rows('SELECT DISTINCT host FROM crash LIMIT 2');
  const [first] = hosts;
  if (first === undefined) throw new UnknownHost('no crash is recorded');
  if (hosts.length > 1) throw new UnknownHost('crashes of several hosts are recorded: say --host');
  return String(first['host']);
}

/** How many are shown. */
const MAX_REPAIRS = 1000;

/** The newest repairs, newest first. @throws StoreError. */
export function readRepairs(store: Store): Repair[] {
  return store
    .rows('SELECT * FROM repair ORDER BY number DESC LIMIT ?', [MAX_REPAIRS])
    .map(repairOf);
}

/** Changes whenever a repair is acknowledged. @throws StoreError. */
export function lastRepair(store: Store): number {
  return number(store.row('SELECT max(number) AS last FROM repair')?.['last']) ?? 0;
}

function repairOf(row: Row): Repair {
  return {
    number: Number(row['number']),
    host: String(row['host']),
    crash: Number(row['crash']),
    recordedSeconds: Number(row['recorded_seconds']),
    note: String(row['note']),
  };
}
