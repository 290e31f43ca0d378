// The SQLite database of a ledger: statements, transactions, and checks of its integrity; the only file that
// uses SQLite. Every transaction is on disk before it returns, and a kill at any moment leaves the ledger as
// it was after the last one.
//
// Several connections, also of other processes, may be open (WAL): readers see what was committed when their
// statement began, and never wait.

import { randomInt } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { databasePath, exists, probe, readHeader, syncDirectory } from './files.ts';
import { MIGRATIONS } from './schema.ts';
import type { Answer, Row, Statement, Value, Values, Work } from './statements.ts';
import { StoreError, sqliteCode } from './store-error.ts';

export type Access = 'write' | 'read';

/** How long a statement waits for a transaction of another process. */
const BUSY_MS = 5000;
/** Maximum number of prepared statements kept, because there are many combinations of filters. */
const MAX_STATEMENTS = 256;
/** The files contain panic lines and host names. The WAL gets the mode of the database. */
const MODE = 0o640;

/** Primary result codes of SQLite that only say that a system call failed. */
const SQLITE_IOERR = 10;
const SQLITE_CANTOPEN = 14;
const CANNOT_MAKE_WAL: ReadonlySet<number> = new Set([8, SQLITE_CANTOPEN]); // SQLITE_READONLY

/** One connection to the database of a ledger. */
export class Store {
  readonly #directory: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #hasFailed = false;

  private constructor(directory: string, database: DatabaseSync) {
    this.#directory = directory;
    this.#database = database;
  }

  /**
   * Creates an empty ledger of this version. It gets its name when it is complete and durable.
   *
   * @throws StoreError.
   */
  static create(directory: string, migrations: readonly string[] = MIGRATIONS): void {
    const database = databasePath(directory);
    const unfinished = `${database}.new`;
    try {
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${unfinished}${suffix}`, { force: true });
      closeSync(openSync(unfinished, 'wx', MODE));
      const made = new Store(directory, new DatabaseSync(unfinished));
      try {
        made.#setUp();
        made.migrate(migrations);
      } finally {
        made.close(); // which moves everything from the WAL into the database
      }
      const fd = openSync(unfinished, 'r');
      fsyncSync(fd);
      closeSync(fd);
      renameSync(unfinished, database);
      syncDirectory(directory);
    } catch (error) {
      throw fileSystemError(directory, error);
    }
  }

  /**
   * Opens the ledger in `directory`, of any version.
   *
   * @throws StoreError if there is none or it cannot be opened.
   */
  static open(directory: string, access: Access): Store {
    const path = databasePath(directory);
    if (!exists(path)) {
      const problem = exists(`${path}-wal`) ? 'damaged' : 'io';
      throw new StoreError(problem, `${directory}: there is no ledger`);
    }
    let store: Store | undefined;
    try {
      if (statSync(path).size === 0) throw new StoreError('damaged', `${path}: is empty`);
      store = new Store(directory, connect(path, access));
      if (access === 'write') store.#setUp();
      store.row('SELECT count(*) FROM sqlite_schema');
      return store;
    } catch (error) {
      store?.close();
      if (access === 'write') throw fileSystemError(directory, error);
      throw StoreError.from(path, error);
    }
  }

  /**
   * Opens the ledger in `directory` for reading, if it has the schema of this version.
   *
   * @throws StoreError as open() does; `newer` or `read_only` for another schema.
   */
  static openCurrent(directory: string): Store {
    const store = Store.open(directory, 'read');
    try {
      store.#requireKnown();
      if (store.version === MIGRATIONS.length) return store;
      throw new StoreError('read_only', `${directory}: is of an earlier version, not migrated yet`);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /**
   * Migrates the ledger in `directory` if it is of an earlier version and sound.
   *
   * @throws StoreError.
   */
  static bringUpToDate(directory: string, migrations: readonly string[] = MIGRATIONS): void {
    const found = Store.open(directory, 'read');
    let version: number;
    try {
      version = found.version;
      if (version < migrations.length) found.verify();
    } finally {
      found.close();
    }
    if (version >= migrations.length) return;
    const store = Store.open(directory, 'write');
    try {
      store.migrate(migrations);
    } finally {
      store.close();
    }
  }

  #setUp(): void {
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    this.#database.exec('PRAGMA foreign_keys = ON');
  }

  /** Whether a statement failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Returns all rows of a statement. @throws StoreError. */
  rows(sql: string, values: Values = []): Row[] {
    return this.#attempt(() => this.#prepared(sql).all(...list(values)) as Row[]);
  }

  /** Returns the first row of a statement, if there is one. @throws StoreError. */
  row(sql: string, values: Values = []): Row | undefined {
    return this.#attempt(() => this.#prepared(sql).get(...list(values)) as Row | undefined);
  }

  /** Runs a statement. @returns the number of changed rows. @throws StoreError. */
  run(sql: string, values: Values = []): number {
    return this.#attempt(() => Number(this.#prepared(sql).run(...list(values)).changes));
  }

  /** Runs work that only reads, or that is part of a transaction. @throws StoreError, or what the work throws. */
  do<T>(work: Work<T>): T {
    let step = work.next();
    while (step.done !== true) step = work.next(step.value.map((one) => this.#answer(one)));
    return step.value;
  }

  /** Runs work that only reads, on one snapshot. @throws StoreError, or what the work throws. */
  snapshot<T>(work: Work<T>): T {
    this.run('BEGIN');
    try {
      return this.do(work);
    } finally {
      if (this.#database.isTransaction) this.run('COMMIT');
    }
  }

  /**
   * A number that changes with every commit of another connection, also of other processes.
   *
   * @throws StoreError.
   */
  get dataVersion(): number {
    return Number(this.row('PRAGMA data_version')?.['data_version']);
  }

  #answer({ wants, sql, values }: Statement): Answer {
    return wants === 'rows'
      ? { rows: this.rows(sql, values), changes: 0 }
      : { rows: [], changes: this.run(sql, values) };
  }

  /**
   * Runs work in one writing transaction, which sees its own writes.
   *
   * @throws StoreError; nothing is committed then.
   */
  transaction<T>(work: Work<T>): T {
    return this.#transaction(() => this.do(work));
  }

  #transaction<R>(work: () => R): R {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw fileSystemError(this.#directory, error);
    }
  }

  /** The version of the schema; 0 if the database has none of our tables. @throws StoreError. */
  get version(): number {
    return Number(this.row('PRAGMA user_version')?.['user_version']);
  }

  /**
   * Migrates to the newest version in one transaction.
   *
   * @throws StoreError; the ledger is then unchanged.
   */
  migrate(migrations: readonly string[] = MIGRATIONS): void {
    this.#transaction(() => {
      const known = this.version;
      for (const step of migrations.slice(known)) this.#database.exec(step);
      // PRAGMA accepts no parameters; both numbers are constants or generated here.
      this.#database.exec(`PRAGMA user_version = ${migrations.length}`);
      if (known === 0) this.#name(randomInt(1, 2 ** 31 - 1));
      this.run(`INSERT OR REPLACE INTO meta VALUES ('schema', ?)`, [String(migrations.length)]);
    });
  }

  #name(ledger: number): void {
    this.#database.exec(`PRAGMA application_id = ${ledger}`);
    this.run(`INSERT INTO meta VALUES ('ledger', ?)`, [String(ledger)]);
  }

  /**
   * Reads everything and checks its integrity.
   *
   * @throws StoreError `damaged`, or `newer` for an intact ledger of a later version.
   */
  verify(): void {
    const path = databasePath(this.#directory);
    this.#requireKnown();
    const header = readHeader(path);
    // A WAL of another database would bring its `ledger` value along, because every transaction writes `meta`.
    const isOne = this.#meta('ledger') === String(header?.applicationId);
    if (!isOne || (header?.writeVersion ?? 0) > 2) {
      throw new StoreError('damaged', `${path}: its parts are not of one ledger`);
    }
    const [problem] = this.rows('PRAGMA integrity_check(1)');
    if (problem?.['integrity_check'] !== 'ok') {
      throw new StoreError('damaged', `${path}: ${String(problem?.['integrity_check'])}`);
    }
    if (this.row('PRAGMA foreign_key_check') !== undefined) {
      throw new StoreError('damaged', `${path}: rows that others refer to are missing`);
    }
    const crashes = this.row('SELECT count(*) AS rows, max(sequence) AS last FROM crash');
    if (crashes?.['rows'] !== (crashes?.['last'] ?? 0)) {
      throw new StoreError('damaged', `${path}: crashes are missing`);
    }
  }

  #requireKnown(): void {
    const { version } = this;
    const path = databasePath(this.#directory);
    if (version === 0 || this.#meta('schema') !== String(version)) {
      throw new StoreError('damaged', `${path}: does not say what schema it has`);
    }
    if (version <= MIGRATIONS.length) return;
    throw new StoreError(
      'newer',
      `${path}: has schema ${version}, this version of hwerr-exporter knows up to ${MIGRATIONS.length}`,
    );
  }

  #meta(key: string): Value | undefined {
    return this.row('SELECT value FROM meta WHERE key = ?', [key])?.['value'];
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #attempt<R>(work: () => R): R {
    try {
      return work();
    } catch (error) {
      this.#hasFailed = true;
      throw StoreError.from(databasePath(this.#directory), error);
    }
  }
}

/** Returns the parameters as node:sqlite takes them: one by one, or an object as the first argument. */
function list(values: Values): SQLInputValue[] {
  return (Array.isArray(values) ? values : [values]) as SQLInputValue[];
}

function connect(path: string, access: Access): DatabaseSync {
  const options = { readOnly: access === 'read', timeout: BUSY_MS };
  const database = new DatabaseSync(path, options);
  if (access === 'write') return database;
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return database;
  } catch (error) {
    database.close();
    // Without a WAL, and without permission to create one, the database is read as immutable.
    if (!CANNOT_MAKE_WAL.has(sqliteCode(error) ?? 0) || exists(`${path}-wal`)) throw error;
    return new DatabaseSync(new URL(`${pathToFileURL(path).href}?immutable=1`), options);
  }
}

/** If SQLite only reports a failed call, returns the error that the file system gives for it. */
function fileSystemError(directory: string, error: unknown): StoreError {
  const cause = error instanceof StoreError ? error.cause : error;
  const code = sqliteCode(cause);
  if (code === SQLITE_IOERR || code === SQLITE_CANTOPEN) {
    try {
      probe(directory);
    } catch (reason) {
      return StoreError.from(directory, reason);
    }
  }
  return StoreError.from(databasePath(directory), error);
}
