// What is known of every crash, across restarts: the only state of the daemon. This records what became
// of files, one batch at a time, and keeps trying where the disk does not let it; reader.ts shows what
// is durable, and nothing else.

import { randomUUID } from 'node:crypto';
import type { Logger } from '../log.ts';
import type { FileOutcome } from '../outcome.ts';
import {
  databasePath,
  hasLedger,
  makeDirectory,
  oldLedger,
  setAside,
  setAsideCount,
} from './files.ts';
import type { LedgerState, LedgerStatus } from './ledger-view.ts';
import { type Lock, lockLedger } from './lock.ts';
import { Pending } from './pending.ts';
import { type FileResult, LedgerReader, type ReaderOptions } from './reader.ts';
import type { HostRule } from './host-name.ts';
import { Store } from './store.ts';
import { HINTS, StoreError } from './store-error.ts';
import { Writer } from './writer.ts';

export type { Crash, StoredReport } from './crash.ts';
export {
  type HostCounts,
  LEDGER_STATES,
  type LedgerState,
  type LedgerStatus,
  type LedgerView,
  type SignatureGroup,
} from './ledger-view.ts';
export type { RecordedFailure } from './recent-failures.ts';
export type { CategoryTotals, Totals } from './totals.ts';

/** States that only a restart resolves. */
const FINAL: ReadonlySet<string> = new Set<LedgerState['kind']>(['busy', 'damaged']);
/** How often to look for changes by other processes: repairs, ledgers set aside and removed. */
const LOOK_MS = 2000;
const RETRY_MS = { first: 500, longest: 30_000 };

type FirstPassProgress = 'running' | 'partial' | 'over';

/** Where the ledger is, and how crashes are named and judged when they are recorded. */
export interface LedgerOptions extends ReaderOptions {
  readonly directory: string;
  /** A crash is judged by it when it is recorded. */
  readonly suspectWindowSeconds: number;
  readonly hostRule: HostRule;
  readonly log: Logger;
}

/** @throws StoreError when the ledger is `busy`, `newer`, or there and not readable. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const ledger = new Ledger(options);
  try {
    await ledger.open();
    return ledger;
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** What became of every file, on disk. While it cannot be written, outcomes wait in memory. */
export class Ledger implements LedgerStatus {
  /** What is durable. */
  readonly view: LedgerReader;
  readonly #options: LedgerOptions;
  readonly #owner = randomUUID();
  readonly #pending = new Pending();
  readonly #writer: Writer;
  #lock: Lock | undefined;
  #state: LedgerState = { kind: 'ready' };
  #writes = 0;
  #writeFailures = 0;
  #setAside = 0;
  /** How far the first pass over the directories is: as told, and as recorded. */
  readonly #firstPass: Record<'told' | 'recorded', FirstPassProgress> = {
    told: 'running',
    recorded: 'running',
  };
  #looking: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS.first;
  #timer: NodeJS.Timeout | undefined;
  /** Writing or recovering, whichever it is: one at a time. What comes in meanwhile goes along next. */
  #underWay: Promise<void> | undefined;
  #closed = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#writer = new Writer(options.directory);
    this.view = new LedgerReader(options);
  }

  /** @throws StoreError as openLedger() does. */
  async open(): Promise<void> {
    const { directory, log } = this.#options;
    const old = oldLedger(directory);
    if (old !== undefined) {
      const hint = 'dumps that are still there are counted again; the file can be removed';
      log.warn('ledger of version 0.1.0 is left alone', { path: old, hint });
    }
    try {
      await this.#begin();
    } catch (error) {
      const problem = StoreError.from(directory, error);
      if (problem.problem === 'busy' || problem.problem === 'newer') throw problem;
      // Zeros in place of what is there would be counters that went down: rather not start at all.
      if (!this.view.isOpen && hasLedger(directory)) this.#show(true);
      this.#failed(problem);
      this.#plan();
    }
    this.#setAside = await setAsideCount(directory);
    this.#looking = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  get state(): LedgerState {
    return this.#state;
  }

  get writes(): number {
    return this.#writes;
  }

  get writeFailures(): number {
    return this.#writeFailures;
  }

  get setAside(): number {
    return this.#setAside;
  }

  get isFirstPassRecorded(): boolean {
    const { told, recorded } = this.#firstPass;
    const progress = this.#state.kind === 'ready' ? recorded : told;
    // Zeros would be a claim about the directories that do not answer.
    return progress === 'over' || (progress === 'partial' && this.view.total().crashes > 0);
  }

  /**
   * Every outcome of the first pass over the directories was given to record(); `partial`: but for
   * directories that do not answer.
   */
  firstPassIs(progress: 'partial' | 'over'): void {
    if (this.#firstPass.told !== 'over') this.#firstPass.told = progress;
    this.#lookAtFirstPass();
  }

  /** What became of a file in this state, if that is known and needs no second look. */
  resultOf(root: string, path: string, version: string): FileResult | undefined {
    return this.view.resultOf({ root, path }, version);
  }

  /**
   * Take in what became of one file. A crash that is known already is not counted again; a report
   * that says more of it moves the counters by the difference. Resolves when it is durable, which
   * takes as long as the store cannot write.
   */
  record(outcome: FileOutcome): Promise<void> {
    const committed = this.#pending.add(outcome);
    this.#plan();
    return committed;
  }

  /** Forget the files of a directory that are not there any more. The crashes stay. */
  retain(root: string, paths: Iterable<string>): void {
    const present = new Set(paths);
    for (const path of this.view.knownFiles(root)) {
      if (!present.has(path)) this.#pending.addGone({ root, path });
    }
    this.#plan();
  }

  /** The file, or directory, could not be read and can be now. */
  recovered(path: string): void {
    this.view.recovered(path);
    this.#pending.recovered(path);
  }

  /** Writes what is pending, if that can be done now, and closes the files. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    await this.#underWay;
    while (this.#state.kind === 'ready' && this.#pending.outcomeCount > 0) await this.#flush();
    // The last one to close moves the WAL into the database: the one that may write.
    this.view.close();
    await this.#writer.close();
    await this.#lock?.release();
  }

  async #look(): Promise<void> {
    this.#setAside = await setAsideCount(this.#options.directory);
    if (this.#underWay === undefined && !this.#closed) this.#noticeRepairs();
  }

  #noticeRepairs(): void {
    try {
      this.view.noticeRepairs();
    } catch (error) {
      this.#failed(StoreError.from(this.#options.directory, error));
      this.#plan();
    }
  }

  #lookAtFirstPass(): void {
    if (this.#pending.outcomeCount === 0) this.#firstPass.recorded = this.#firstPass.told;
  }

  /** Plan what is to be done next, if anything is, and nothing is planned or under way. */
  #plan(): void {
    const { kind } = this.#state;
    const hasWork = kind !== 'ready' || !this.#pending.isEmpty;
    const isPlanned = this.#timer !== undefined || this.#underWay !== undefined;
    if (!hasWork || isPlanned || this.#closed || FINAL.has(kind)) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#underWay = this.#proceed();
      },
      kind === 'ready' ? 0 : this.#retryMs,
    );
  }

  async #proceed(): Promise<void> {
    await (this.#state.kind === 'ready' ? this.#flush() : this.#recover());
    this.#underWay = undefined;
    this.#plan();
  }

  async #flush(): Promise<void> {
    const { hostRule, nowMs, suspectWindowSeconds, directory } = this.#options;
    const nowSeconds = Math.floor(nowMs() / 1000);
    const batch = this.#pending.next();
    try {
      const changes = await this.#writer.record({
        outcomes: batch.outcomes.map(({ outcome }) => outcome),
        gone: batch.gone,
        context: { hostRule, suspectWindowSeconds, nowSeconds },
        owner: this.#owner,
      });
      this.#writes++;
      this.view.take(changes, nowSeconds);
      for (const [i, { outcome, hasRecovered }] of batch.outcomes.entries()) {
        const change = (hasRecovered ? undefined : changes[i]) ?? {};
        this.view.showFailure(outcome.path, change, nowSeconds);
      }
      this.#pending.done(batch);
      this.#lookAtFirstPass();
      this.#noticeRepairs();
    } catch (error) {
      this.#writeFailures++;
      this.#failed(StoreError.from(directory, error));
    }
  }

  #failed({ problem, message }: StoreError): void {
    if (this.#state.kind !== problem) {
      this.#options.log.error('ledger cannot be written', {
        problem,
        error: message,
        hint: HINTS[problem],
      });
    }
    this.#state = { kind: problem, message };
  }

  async #recover(): Promise<void> {
    try {
      await this.#begin();
      if (this.#closed) return;
      this.#options.log.info('ledger can be written again');
      this.#retryMs = RETRY_MS.first;
    } catch (error) {
      if (this.#closed) return;
      this.#writeFailures++;
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.longest);
      this.#failed(StoreError.from(this.#options.directory, error));
    }
  }

  /** @throws StoreError; never for a damaged ledger: that is set aside. */
  async #begin(): Promise<void> {
    const { directory } = this.#options;
    makeDirectory(directory);
    this.#lock ??= await lockLedger(directory);
    const wasOpen = this.view.isOpen;
    if (!wasOpen) this.#openSound();
    await this.#writer.takeOver(this.#owner);
    this.#writes++;
    // It may have been opened in a way that does not see what is written; and what seemed to fail may be
    // on the disk all the same, as when the thread that wrote it died.
    if (wasOpen) this.#show(false);
    this.#state = { kind: 'ready' };
  }

  /** Open the ledger, made or migrated first where it must be. */
  #openSound(): void {
    const { directory, nowMs, log } = this.#options;
    if (!hasLedger(directory)) Store.create(directory);
    try {
      Store.bringUpToDate(directory);
      this.#show(true);
    } catch (error) {
      const problem = StoreError.from(databasePath(directory), error);
      if (problem.problem !== 'damaged') throw problem;
      const kept = setAside(directory, nowMs());
      log.error('ledger is damaged, set aside; a new one begins with the dumps still there', {
        error: problem.message,
        kept,
      });
      Store.create(directory);
      this.#show(true);
    }
  }

  /** Show the ledger as it is on the disk now. @throws StoreError when that cannot be. */
  #show(isUnknown: boolean): void {
    const store = Store.openCurrent(this.#options.directory);
    try {
      if (isUnknown) store.verify();
      this.view.show(store);
    } catch (error) {
      store.close();
      throw error;
    }
  }
}
