// A ledger in a directory: its files, its lock, the writing thread, and its reader.

import { type FSWatcher, watch } from 'node:fs';
import type { Logger } from '../log.ts';
import type { Engine, FileResult, ReaderOptions } from './engine.ts';
import {
  hasLedger,
  hasWal,
  makeDirectory,
  noteClosed,
  oldLedger,
  readProblem,
  setAside,
  setAsideCount,
  wasClosed,
} from './files.ts';
import { type Lock, lockLedger } from './lock.ts';
import { LedgerReader } from './reader.ts';
import { RecentFailures } from './recent-failures.ts';
import type { Batch, Change } from './record.ts';
import { Store } from './store.ts';
import { StoreError, type StoreProblem } from './store-error.ts';
import type { Shard } from '../shard.ts';
import { Writer } from './writer.ts';

/** The ledger belongs to another exporter or is not understood: the daemon does not start. */
const REFUSED: ReadonlySet<StoreProblem> = new Set(['busy', 'newer', 'other_shard']);

/** Where the ledger is, and what is shown of it. */
export interface SqliteOptions extends ReaderOptions {
  readonly directory: string;
  /** Whether every scrape shows the totals of all crashes; they are then read at the start. */
  readonly showsTotal?: boolean;
  readonly shard?: Shard | undefined;
  readonly log: Logger;
}

/** The ledger in a directory, used by one daemon at a time. */
export class SqliteEngine implements Engine<LedgerReader> {
  readonly failures = new RecentFailures();
  readonly view: LedgerReader;
  readonly isPassedBefore = false;
  readonly lookMs = 60_000; // file-system events usually trigger it earlier
  readonly claims = undefined;
  readonly #options: SqliteOptions;
  readonly #writer: Writer;
  #lock: Lock | undefined;
  #watcher: FSWatcher | undefined;
  #changed: () => void = () => undefined;
  #setAside = 0;
  /** Whether the ledger was checked and nothing has failed since. */
  #isSound = false;

  constructor(options: SqliteOptions) {
    this.#options = options;
    this.#writer = new Writer(options.directory, options.shard);
    this.view = new LedgerReader(options, this.failures);
  }

  get name(): string {
    return this.#options.directory;
  }

  get setAside(): number {
    return this.#setAside;
  }

  async open(changed: () => void): Promise<StoreError | undefined> {
    const { directory, log } = this.#options;
    this.#changed = changed;
    const old = oldLedger(directory);
    if (old !== undefined) {
      const hint = 'dumps that are still there are counted again; the file can be removed';
      log.warn('ledger of version 0.1.0 is left alone', { path: old, hint });
    }
    const problem = await this.recover().then(
      () => undefined,
      (error: unknown) => StoreError.from(directory, error),
    );
    if (problem !== undefined && REFUSED.has(problem.problem)) throw problem;
    // Showing zeros instead of existing data would decrease counters, so the daemon does not start.
    if (!this.view.isOpen && hasLedger(directory)) this.#show(true);
    this.#setAside = await setAsideCount(directory);
    return problem;
  }

  /** @throws StoreError; not for a damaged ledger, which is set aside. */
  async recover(): Promise<void> {
    const { directory } = this.#options;
    makeDirectory(directory);
    this.#lock ??= await lockLedger(directory);
    this.#watch();
    if (!this.view.isOpen) {
      this.#openSound();
      return;
    }
    await this.#writer.takeOver();
    // The database may have been opened in a way that does not see new commits; and a write that seemed to
    // fail may be committed, for example if its thread died.
    this.#show(false);
  }

  write(batch: Batch): Promise<readonly Change[]> {
    return this.#writer.record(batch).catch((error: unknown) => {
      this.#isSound = false;
      throw error;
    });
  }

  async look(): Promise<void> {
    this.#setAside = await setAsideCount(this.#options.directory);
  }

  resultOf(root: string, path: string, version: string): FileResult | undefined {
    return this.view.resultOf({ root, path }, version);
  }

  forgettable(root: string): readonly string[] {
    return this.view.knownFiles(root);
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    const isSound = this.#isSound && !this.view.hasFailed;
    this.view.close();
    await this.#writer.close();
    if (isSound) this.#noteClosed();
    await this.#lock?.release();
  }

  #noteClosed(): void {
    const { directory } = this.#options;
    try {
      // The last connection to close moves the WAL into the database, if it may write.
      if (hasWal(directory)) Store.open(directory, 'write').close();
      noteClosed(directory);
    } catch {
      // The next start checks the ledger then.
    }
  }

  /** Notices when an operator removes a damaged ledger that was set aside. */
  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#options.directory, { persistent: false }, this.#changed);
      this.#watcher.on('error', () => undefined);
    } catch {
      // The kernel limits watches; the periodic look() then notices changes.
    }
  }

  /** Opens the ledger, after creating or migrating it if necessary, and becomes its writer. */
  #openSound(): void {
    const { directory, nowMs, log } = this.#options;
    if (!hasLedger(directory)) Store.create(directory);
    try {
      const isUnknown = !wasClosed(directory);
      Store.bringUpToDate(directory);
      this.#begin(isUnknown);
    } catch (error) {
      const problem = readProblem(directory, error);
      if (problem.problem !== 'damaged') throw problem;
      this.view.close();
      const kept = setAside(directory, nowMs());
      log.error('ledger is damaged, set aside; a new one begins with the dumps still there', {
        error: problem.message,
        kept,
      });
      Store.create(directory);
      this.#begin(true);
    }
  }

  /** @throws StoreError. */
  #begin(isUnknown: boolean): void {
    this.#show(isUnknown);
    this.#isSound = true;
    this.#writer.takeOverAtOnce();
  }

  /** Shows the ledger as it is on disk now. @throws StoreError if it cannot be read. */
  #show(isUnknown: boolean): void {
    const store = Store.openCurrent(this.#options.directory);
    this.#isSound &&= !this.view.hasFailed; // of the store that was shown until now
    try {
      if (isUnknown) store.verify();
      this.view.show(store);
    } catch (error) {
      store.close();
      throw readProblem(this.#options.directory, error);
    }
  }
}
