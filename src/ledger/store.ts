// The ledger on disk: tables in an LMDB environment. Every change is one transaction, flushed before
// commit() returns; a kill at any moment leaves the ledger as it was after the last commit.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Database, type RootDatabase, open } from 'lmdb';
import { checkDataFile, makeRoom, prepare, syncDirectory } from './data-file.ts';
import { StoreError } from './store-error.ts';

interface Range<K> {
  readonly start?: K;
  /** Not in the range. */
  readonly end?: K;
  readonly reverse?: boolean;
  /** Entries at its start to leave out. */
  readonly offset?: number;
  readonly limit?: number;
}

/** Values are JSON behind a checksum: LMDB does not notice a flipped bit, nor a page in the wrong place. */
export class Table<K extends string | number, V> {
  readonly #name: string;
  readonly #database: Database<string, K>;

  constructor(name: string, database: Database<string, K>) {
    this.#name = name;
    this.#database = database;
  }

  get(key: K): V | undefined {
    const text = this.#database.get(key);
    return text === undefined ? undefined : this.#decoded(key, text);
  }

  /** Only within Store.commit(). */
  put(key: K, value: V): void {
    const json = JSON.stringify(value);
    this.#database.putSync(key, `${this.#checksum(key, json)}${json}`);
  }

  /** Only within Store.commit(). */
  remove(key: K): void {
    this.#database.removeSync(key);
  }

  count(): number {
    // getCount() walks over all entries.
    return (this.#database.getStats() as { entryCount: number }).entryCount;
  }

  /** In the order of the keys. */
  *entries(range: Range<K> = {}): Generator<[K, V]> {
    for (const { key, value } of this.#database.getRange(range))
      yield [key, this.#decoded(key, value)];
  }

  keys(range: Range<K> = {}): Iterable<K> {
    return this.#database.getKeys(range);
  }

  /** @throws StoreError `damaged` when one does not match its checksum. */
  verify(): void {
    for (const { key, value } of this.#database.getRange()) this.#decoded(key, value);
  }

  #decoded(key: K, text: string): V {
    const json = text.slice(CHECKSUM_LENGTH);
    if (text.slice(0, CHECKSUM_LENGTH) === this.#checksum(key, json)) return JSON.parse(json) as V;
    throw new StoreError('damaged', `${this.#name}: a record does not match its checksum`);
  }

  #checksum(key: K, json: string): string {
    const sum = crc32(`${this.#name} ${key} ${json}`);
    return sum.toString(16).padStart(CHECKSUM_LENGTH, '0');
  }
}

const CHECKSUM_LENGTH = 8;

/** The shape of the tables. What is in them is for tables.ts to say. */
export interface StoreLayout<T> {
  readonly version: number;
  readonly tables: (
    table: <K extends string | number, V>(name: string, keys: KeyKind) => Table<K, V>,
  ) => T;
  /** Step `i` makes version `i + 2` out of version `i + 1`. */
  readonly migrations: readonly ((tables: T) => void)[];
}

export type KeyKind = 'text' | 'number';
export type Access = 'write' | 'read';

export class Store<T> {
  readonly access: Access;
  readonly tables: T;
  readonly #directory: string;
  readonly #root: Root;

  private constructor(directory: string, access: Access, root: Root, layout: StoreLayout<T>) {
    this.access = access;
    this.#directory = directory;
    this.#root = root;
    this.tables = layout.tables(
      (name, keys) =>
        new Table(
          name,
          root.openDB({
            name,
            encoding: 'string',
            keyEncoding: keys === 'number' ? 'uint32' : 'ordered-binary',
          }),
        ),
    );
  }

  /**
   * Open the ledger in `directory`; with access to write, make it where there is none.
   *
   * @throws StoreError.
   */
  static open<T>(directory: string, access: Access, layout: StoreLayout<T>): Store<T> {
    let root: Root | undefined;
    try {
      const exists = access === 'write' ? prepare(directory) : checkDataFile(directory) > 0;
      if (access === 'read' && !exists) {
        throw new StoreError('io', `${directory}: there is no ledger`);
      }
      root = open<string, string>({
        path: directory,
        readOnly: access === 'read',
        noSubdir: false, // the path may look like a file's
        encoding: 'string',
        overlappingSync: false, // a commit that returned is on the disk
        cache: false,
        maxDbs: 8,
        ...NOT_FOR_OTHERS,
      });
      // Before its tables are opened, for that makes those that are missing.
      const schema = schemaOf(root, directory, layout.version);
      if (schema < layout.version && access === 'read') {
        throw new StoreError('read_only', `${directory}: not made or migrated yet`);
      }
      const store = new Store(directory, access, root, layout);
      if (schema < layout.version) store.#migrate(schema, layout);
      if (!exists) syncDirectory(directory);
      return store;
    } catch (error) {
      void root?.close();
      throw StoreError.from(directory, error);
    }
  }

  /**
   * Run `work` in one transaction and flush it. Reads within see what was written within.
   *
   * @throws StoreError: nothing of the work is in the ledger then.
   */
  commit<R>(work: (tables: T) => R): R {
    if (this.access === 'read') throw new StoreError('read_only', `${this.#directory}: read only`);
    makeRoom(this.#directory, this.#usedPages());
    try {
      return this.#root.transactionSync(() => work(this.tables));
    } catch (error) {
      throw StoreError.from(this.#directory, error);
    }
  }

  /** Read what was committed by now, by another thread too: lmdb keeps a snapshot for a turn of the loop. */
  refresh(): void {
    this.#root.resetReadTxn();
  }

  close(): Promise<void> {
    return this.#root.close();
  }

  #migrate(schema: number, { version, migrations }: StoreLayout<T>): void {
    makeRoom(this.#directory, 2 * this.#usedPages()); // it may write every page anew
    this.commit((tables) => {
      // Version 0 has nothing in it.
      if (schema > 0) for (const migrate of migrations.slice(schema - 1)) migrate(tables);
      this.#root.putSync(SCHEMA, String(version));
    });
  }

  #usedPages(): number {
    const { lastPageNumber } = this.#root.getStats() as { lastPageNumber: number };
    return lastPageNumber + 1;
  }
}

type Root = RootDatabase<string, string>;

/** Panic lines and host names are in its files. The types of lmdb leave this option out. */
const NOT_FOR_OTHERS = { permissionsMode: 0o640 };

const SCHEMA = 'schema';

/** @returns the version; 0 of a ledger that has just been made. */
function schemaOf(root: Root, directory: string, version: number): number {
  const text = root.get(SCHEMA) ?? '0';
  if (/^\d+$/.test(text) && Number(text) <= version) return Number(text);
  throw new StoreError(
    Number(text) > version ? 'newer' : 'damaged',
    `${directory}: its schema is ${text}, this program knows up to ${version}`,
  );
}

/** How often in a row the process may die while it reads the ledger before that is the reason. */
const DEATHS = 5;
const MARK = 'opening';

/**
 * Run `read`, which walks over all of the ledger. LMDB may take the process down with it when its
 * pages are damaged: a count of starts that never came to the end of the walk tells.
 *
 * @throws StoreError `damaged` at the start after the DEATHS-th death in a row.
 */
export function survivingRead<R>(directory: string, read: () => R): R {
  const mark = join(directory, MARK);
  const deaths = existsSync(mark) ? Number(readFileSync(mark, 'utf8')) : 0;
  try {
    if (deaths >= DEATHS) {
      rmSync(mark, { force: true });
      throw new StoreError(
        'damaged',
        `${directory}: the exporter died reading it, ${deaths} times`,
      );
    }
    writeFileSync(mark, String(deaths + 1));
  } catch (error) {
    if (error instanceof StoreError) throw error;
    // A full or read-only file system: go without the mark.
  }
  const result = read();
  try {
    rmSync(mark, { force: true });
  } catch {
    // As above.
  }
  return result;
}
