// Acknowledged repairs: earlier crashes of a repaired host no longer count as recent suspects.

import { number } from './crash-rows.ts';
import { type Row, type Work, row as oneRow, rows } from './statements.ts';
import { Store } from './store.ts';

/** A repair of a host, which applies to its crashes up to `crash`. */
interface Repair {
  /** From 1, in the order of acknowledgement. */
  readonly number: number;
  readonly host: string;
  /** `sequence` of the host's newest crash at that time. */
  readonly crash: number;
  /** Unix seconds. */
  readonly recordedSeconds: number;
  readonly note: string;
}

/** A repair, and whether it is new. */
export interface Recorded {
  readonly repair: Repair;
  readonly isNew: boolean;
}

/** The host is not in the ledger, or not given although there are several. */
class UnknownHost extends Error {}

const MAX_NOTE_LENGTH = 500;

/**
 * Acknowledges that a host was repaired. Repeating it with the same note before the host's next crash changes
 * nothing.
 *
 * @param host undefined: the only host in the ledger.
 * @throws UnknownHost.
 */
export function* recordRepair(
  host: string | undefined,
  note: string,
  nowSeconds: number,
): Work<Recorded> {
  const name = host ?? (yield* onlyHost());
  const last = yield* oneRow('SELECT max(sequence) AS crash FROM crash WHERE host = ?', [name]);
  const crash = number(last?.['crash']);
  if (crash === null) throw new UnknownHost(`no crash of host ${name} is recorded`);
  const text = note.slice(0, MAX_NOTE_LENGTH);
  const known = yield* oneRow('SELECT * FROM repair WHERE host = ? AND crash = ? AND note = ?', [
    name,
    crash,
    text,
  ]);
  if (known !== undefined) return { repair: repairOf(known), isNew: false };
  const row = yield* oneRow(
    `INSERT INTO repair (number, host, crash, recorded_seconds, note)
       VALUES ((SELECT coalesce(max(number), 0) + 1 FROM repair), ?, ?, ?, ?) RETURNING *`,
    [name, crash, nowSeconds, text],
  );
  return { repair: repairOf(row ?? {}), isNew: true };
}

/**
 * Runs recordRepair() on the ledger of a directory, which a daemon may have open.
 *
 * @throws UnknownHost; StoreError if there is no ledger or it cannot be written.
 */
export function repaired(directory: string, host: string | undefined, note: string): Recorded {
  Store.openCurrent(directory).close();
  const store = Store.open(directory, 'write');
  try {
    return store.transaction(recordRepair(host, note, Math.floor(Date.now() / 1000)));
  } finally {
    store.close();
  }
}

function* onlyHost(): Work<string> {
  const hosts = yield* rows('SELECT DISTINCT host FROM crash LIMIT 2');
  const [first] = hosts;
  if (first === undefined) throw new UnknownHost('no crash is recorded');
  if (hosts.length > 1) throw new UnknownHost('crashes of several hosts are recorded: say --host');
  return String(first['host']);
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
