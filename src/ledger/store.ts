// The ledger on disk: tables in an LMDB environment. Every change is one transaction, flushed before
// commit() returns; a kill at any moment leaves the ledger as it was after the last commit.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Database, type RootDatabase, open } from 'lmdb';
import { checkDataFile, hasData, makeDirectory, makeRoom, tryRoom } from './data-file.ts';
import { StoreError } from './store-error.ts';

/** Values are JSON behind a checksum: LMDB does not notice a flipped bit. */
export class Table<K extends string | number, V> {
  readonly #name: string;
  readonly #database: Database<string, K>;

  constructor(name: string, database: Database<string, K>) {
    this.#name = name;
    this.#database = database;
  }

  get(key: K): V | undefined {
    const text = this.#database.get(key);
    return text === undefined ? undefined : this.#decoded(text);
  }

  /** Only within Store.commit(). */
  put(key: K, value: V): void {
    const json = JSON.stringify(value);
    this.#database.putSync(key, `${checksum(json)}${json}`);
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
  *entries(range: { start?: K; end?: K; reverse?: boolean } = {}): Generator<[K, V]> {
    for (const { key, value } of this.#database.getRange(range)) yield [key, this.#decoded(value)];
  }

  #decoded(text: string): V {
    const json = text.slice(CHECKSUM_LENGTH);
    if (text.slice(0, CHECKSUM_LENGTH) === checksum(json)) return JSON.parse(json) as V;
    throw new StoreError('damaged', `${this.#name}: a record does not match its checksum`);
  }
}

const CHECKSUM_LENGTH = 8;

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(CHECKSUM_LENGTH, '0');
}

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
  readonly #root: RootDatabase<string, string>;

  private constructor(directory: string, access: Access, layout: StoreLayout<T>) {
    this.access = access;
    this.#directory = directory;
    this.#root = open<string, string>({
      path: directory,
      readOnly: access === 'read',
      noSubdir: false, // the path may look like a file's
      encoding: 'string',
      overlappingSync: false, // a commit that returned is on the disk
      cache: false,
      maxDbs: 8,
    });
    this.tables = layout.tables(
      (name, keys) =>
        new Table(
          name,
          this.#root.openDB({
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
    let store: Store<T> | undefined;
    try {
      const usedPages = checkDataFile(directory);
      if (access === 'write') {
        makeDirectory(directory);
        if (usedPages === 0) tryRoom(directory);
        else makeRoom(directory, usedPages);
      } else if (!hasData(directory)) {
        throw new StoreError('io', `${directory}: there is no ledger`);
      }
      store = new Store(directory, access, layout);
      store.#toVersion(layout);
      return store;
    } catch (error) {
      void store?.close();
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
    const { lastPageNumber } = this.#root.getStats() as { lastPageNumber: number };
    makeRoom(this.#directory, lastPageNumber + 1);
    try {
      return this.#root.transactionSync(() => work(this.tables));
    } catch (error) {
      throw StoreError.from(this.#directory, error);
    }
  }

  close(): Promise<void> {
    return this.#root.close();
  }

  #toVersion({ version, migrations }: StoreLayout<T>): void {
    const schema = this.#root.get(SCHEMA);
    if (schema === String(version)) return;
    if (schema !== undefined && !(Number(schema) < version)) {
      throw new StoreError(
        Number(schema) > version ? 'newer' : 'damaged',
        `${this.#directory}: its schema is ${schema}, this program knows up to ${version}`,
      );
    }
    if (this.access === 'read') {
      throw new StoreError('read_only', `${this.#directory}: not made or migrated yet`);
    }
    this.commit((tables) => {
      if (schema !== undefined) {
        for (const migrate of migrations.slice(Number(schema) - 1)) migrate(tables);
      }
      this.#root.putSync(SCHEMA, String(version));
    });
  }
}

const SCHEMA = 'schema';

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
