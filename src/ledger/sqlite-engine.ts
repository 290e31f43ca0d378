// A ledger in a directory: its files, its lock, the thread that writes, and what is read of it.

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

/** What would be shown is not this exporter's, or not understood: it does not start. */
const REFUSED: ReadonlySet<StoreProblem> = new Set(['busy', 'newer', 'other_shard']);

/** Where it is, and what is shown of it. */
export interface SqliteOptions extends ReaderOptions {
  readonly directory: string;
  /** Whether every scrape shows the totals of all crashes: they are read at the start then. */
  readonly showsTotal?: boolean;
  readonly shard?: Shard | undefined;
  readonly log: Logger;
}

/** The ledger of a directory, for one daemon at a time. */
export class SqliteEngine implements Engine<LedgerReader> {
  readonly failures = new RecentFailures();
  readonly view: LedgerReader;
  readonly isPassedBefore = false;
  readonly lookMs = 60_000; // events make it come sooner
  readonly claims = undefined;
  readonly #options: SqliteOptions;
  readonly #writer: Writer;
  #lock: Lock | undefined;
  #watcher: FSWatcher | undefined;
  #changed: () => void = () => undefined;
  #setAside = 0;
  /** It was checked, and nothing failed since. */
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
    // Zeros in place of what is there would be counters that went down: rather not start at all.
    if (!this.view.isOpen && hasLedger(directory)) this.#show(true);
    this.#setAside = await setAsideCount(directory);
    return problem;
  }

  /** @throws StoreError; never for a damaged ledger: that is set aside. */
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
    // It may have been opened in a way that does not see what is written; and what seemed to fail may be
    // on the disk all the same, as when the thread that wrote it died.
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
      // The last one to close moves the WAL into the database, if it may write.
      if (hasWal(directory)) Store.open(directory, 'write').close();
      noteClosed(directory);
    } catch {
      // Then the next start checks it.
    }
  }

  /** Whoever examined a damaged ledger removes it. */
  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#options.directory, { persistent: false }, this.#changed);
      this.#watcher.on('error', () => undefined);
    } catch {
      // The kernel has a limit of watches: then it is looked at now and then.
    }
  }

  /** Open the ledger, made or migrated first where it must be, and become the one who writes. */
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

  /** Show the ledger as it is on the disk now. @throws StoreError when that cannot be. */
  #show(isUnknown: boolean): void {
    const store = Store.openCurrent(this.#options.directory);
    this.#isSound &&= !this.view.hasFailed; // of the one that is shown until now
    try {
      if (isUnknown) store.verify();
      this.view.show(store);
    } catch (error) {
      store.close();
      throw readProblem(this.#options.directory, error);
    }
  }
}
