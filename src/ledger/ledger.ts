// The ledger: all that is known about crashes, across restarts; the daemon's only state. It records outcomes
// of files in batches and retries if the disk refuses; its view shows only what is durable.

import type { Logger } from '../log.ts';
import type { FileOutcome } from '../outcome.ts';
import type { Claims, Engine, FileResult, ReaderOptions } from './engine.ts';
import type { LedgerState, LedgerStatus, LedgerView } from './ledger-view.ts';
import { Pending } from './pending.ts';
import type { LedgerReader } from './reader.ts';
import type { HostRule } from './host-name.ts';
import { SqliteEngine } from './sqlite-engine.ts';
import { type Share, shareOf } from './share.ts';
import { HINTS, StoreError } from './store-error.ts';
import type { Shard } from '../shard.ts';

export type { CountedCrash, Crash, StoredReport } from './crash.ts';
export {
  type HostCounts,
  LEDGER_STATES,
  type LedgerState,
  type LedgerStatus,
  type LedgerView,
  type SignatureGroup,
} from './ledger-view.ts';
export type { LedgerReader } from './reader.ts';
export type { RecordedFailure } from './recent-failures.ts';
export type { CategoryTotals, Totals } from './totals.ts';

/** States that only a restart resolves. */
const FINAL: ReadonlySet<string> = new Set<LedgerState['kind']>(['busy', 'damaged', 'other_shard']);
/** Delay of look(), because changes by other processes (repairs, removed ledgers) come in bursts. */
const BURST_MS = 500;
const RETRY_MS = { first: 500, longest: 30_000 };

type FirstPassProgress = 'running' | 'partial' | 'over';

/** How crashes are named and judged when they are recorded. */
export interface RecordingOptions extends ReaderOptions {
  /** The suspect window of verdicts on new crashes. */
  readonly suspectWindowSeconds: number;
  readonly hostRule: HostRule;
  /** undefined: the ledger has the crashes of all hosts. */
  readonly shard?: Shard | undefined;
  readonly log: Logger;
}

/** Options of a ledger in a directory. */
export interface LedgerOptions extends RecordingOptions {
  readonly directory: string;
  /** Whether every scrape shows the totals of all crashes. */
  readonly showsTotal?: boolean;
}

/**
 * Opens the ledger in a directory.
 *
 * @throws StoreError if it is `busy`, `newer`, or exists but cannot be read.
 */
export function openLedger(options: LedgerOptions): Promise<Ledger> {
  return openLedgerOf(new SqliteEngine(options), options);
}

/** Opens the ledger of an engine. @throws StoreError as the engine's open() does. */
export async function openLedgerOf<View extends LedgerView>(
  engine: Engine<View>,
  options: RecordingOptions,
): Promise<Ledger<View>> {
  const ledger = new Ledger(engine, options);
  try {
    await ledger.open();
    return ledger;
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** Records the outcome of every file durably. While the ledger cannot be written, outcomes wait in memory. */
export class Ledger<View extends LedgerView = LedgerReader> implements LedgerStatus {
  /** Shows what is durable. */
  readonly view: View;
  readonly #engine: Engine<View>;
  readonly #options: RecordingOptions;
  readonly #pending = new Pending();
  #state: LedgerState = { kind: 'ready' };
  #writes = 0;
  #writeFailures = 0;
  /**
   * Progress of the first pass over the directories: as reported by ingest; as recorded; and as shown, which is as
   * reported while nothing can be recorded. What was shown is not hidden again.
   */
  readonly #firstPass: Record<'reported' | 'recorded' | 'shown', FirstPassProgress> = {
    reported: 'running',
    recorded: 'running',
    shown: 'running',
  };
  #looking: NodeJS.Timeout | undefined;
  /** undefined also while look() runs, because changes during it require another one. */
  #lookPlanned: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS.first;
  #timer: NodeJS.Timeout | undefined;
  /** The current write, recovery or look; only one runs at a time, and new outcomes wait for the next. */
  #underWay: Promise<void> | undefined;
  #closed = false;

  constructor(engine: Engine<View>, options: RecordingOptions) {
    this.#engine = engine;
    this.#options = options;
    this.view = engine.view;
  }

  /** @throws StoreError as the engine's open() does. */
  async open(): Promise<void> {
    const problem = await this.#engine.open(() => {
      this.#planLook();
    });
    if (problem === undefined) this.#writes++;
    else this.#failed(problem);
    this.#plan();
    this.#looking = setInterval(() => {
      this.#planLook();
    }, this.#engine.lookMs).unref();
  }

  /** The state of writing; if that is `ready`, the state of reading. */
  get state(): LedgerState {
    const { problem } = this.view;
    return this.#state.kind !== 'ready' || problem === undefined
      ? this.#state
      : { kind: problem.problem, message: problem.message };
  }

  get writes(): number {
    return this.#writes;
  }

  get writeFailures(): number {
    return this.#writeFailures;
  }

  get setAside(): number {
    return this.#engine.setAside;
  }

  get isFirstPassRecorded(): boolean {
    const { shown } = this.#firstPass;
    // With only zeros to show, unresponsive directories might contradict them.
    const isKnown = shown === 'over' || (shown === 'partial' && this.view.crashCount() > 0);
    return isKnown || this.#engine.isPassedBefore;
  }

  /**
   * Ingest calls it when all outcomes of the first pass were passed to record(); `partial`: except those of
   * unresponsive directories.
   */
  reportFirstPass(progress: 'partial' | 'over'): void {
    if (this.#firstPass.reported !== 'over') this.#firstPass.reported = progress;
    this.#lookAtFirstPass();
  }

  /** Claims on files, if several collectors share the ledger; undefined otherwise. */
  get claims(): Claims | undefined {
    return this.#engine.claims;
  }

  /** The files of this shard; undefined: all files. */
  get share(): Share | undefined {
    const { shard, hostRule } = this.#options;
    return shard && shareOf(shard, hostRule);
  }

  /** Returns the result of this version of a file, if it is known and final. */
  resultOf(root: string, path: string, version: string): FileResult | undefined {
    return this.#engine.resultOf(root, path, version);
  }

  /**
   * Records the outcome of a file. A known crash is not counted again; a report that adds to it changes the
   * counters by the difference. Resolves when the outcome is durable, however long the store cannot be
   * written.
   */
  record(outcome: FileOutcome): Promise<void> {
    const committed = this.#pending.add(outcome);
    this.#plan();
    return committed;
  }

  /**
   * Removes the files of a directory that no longer exist. Their crashes remain.
   *
   * @param vanished files that the previous scan found.
   */
  retain(root: string, present: Iterable<string>, vanished: readonly string[]): void {
    const kept = new Set(present);
    for (const path of this.#engine.forgettable(root, vanished)) {
      if (!kept.has(path)) this.#pending.addGone({ root, path });
    }
    this.#plan();
  }

  /** The file or directory could not be read, but was now, without an outcome to record; or it is gone. */
  recovered(path: string, isRead: boolean): void {
    this.#engine.failures.recovered(path);
    this.#pending.recovered(path);
    if (isRead) this.#pending.addRead(path);
    this.#plan();
  }

  /** Writes pending outcomes, if possible, and closes the ledger. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    clearTimeout(this.#lookPlanned);
    this.#engine.hurry?.();
    await this.#underWay;
    while (this.#state.kind === 'ready' && this.#pending.outcomeCount > 0) await this.#flush();
    await this.#engine.close();
  }

  /** Runs work after the current one, never concurrently. */
  #alone(work: () => Promise<void>): void {
    const done = Promise.resolve(this.#underWay)
      .then(work)
      .then(() => {
        if (this.#underWay === done) this.#underWay = undefined;
        this.#plan();
      });
    this.#underWay = done;
  }

  #planLook(): void {
    if (this.#closed) return;
    this.#lookPlanned ??= setTimeout(() => {
      this.#alone(() => this.#look());
    }, BURST_MS).unref();
  }

  async #look(): Promise<void> {
    this.#lookPlanned = undefined;
    if (this.#closed) return;
    try {
      await this.#engine.look(this.#firstPass.recorded === 'over');
    } catch (error) {
      this.#failed(StoreError.from(this.#engine.name, error));
    }
  }

  #lookAtFirstPass(): void {
    const { reported } = this.#firstPass;
    const isRecorded = this.#pending.outcomeCount === 0;
    if (isRecorded) this.#firstPass.recorded = reported;
    if (isRecorded || this.#state.kind !== 'ready') this.#firstPass.shown = reported;
  }

  /** Plans the next write or recovery, unless there is no work or one is planned or running. */
  #plan(): void {
    const { kind } = this.#state;
    const hasWork = kind !== 'ready' || !this.#pending.isEmpty;
    const isPlanned = this.#timer !== undefined || this.#underWay !== undefined;
    if (!hasWork || isPlanned || this.#closed || FINAL.has(kind)) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#alone(() => (this.#state.kind === 'ready' ? this.#flush() : this.#recover()));
      },
      kind === 'ready' ? 0 : this.#retryMs,
    );
  }

  async #flush(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      this.#writeFailures++;
      this.#failed(StoreError.from(this.#engine.name, error));
    }
  }

  /** Writes the oldest pending outcomes. @throws StoreError. */
  async #write(): Promise<void> {
    const { hostRule, nowMs, suspectWindowSeconds } = this.#options;
    const nowSeconds = Math.floor(nowMs() / 1000);
    const batch = this.#pending.next();
    const changes = await this.#engine.write({
      outcomes: batch.outcomes.map(({ outcome }) => outcome),
      gone: batch.gone,
      read: batch.read,
      context: { hostRule, suspectWindowSeconds, nowSeconds },
    });
    this.#writes++;
    this.#state = { kind: 'ready' };
    for (const [i, { outcome, hasRecovered }] of batch.outcomes.entries()) {
      const { failure, failedHost: host } = (hasRecovered ? undefined : changes[i]) ?? {};
      const shown = failure && { ...failure, ...(host !== undefined && { host }) };
      this.#engine.failures.record(outcome.path, shown, nowSeconds);
    }
    this.#pending.done(batch);
    this.#lookAtFirstPass();
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
    this.#lookAtFirstPass();
  }

  async #recover(): Promise<void> {
    try {
      await this.#engine.recover();
      this.#writes++;
      // The disk may have space for the takeover but not for the pending outcomes.
      if (!this.#pending.isEmpty) await this.#write();
      this.#state = { kind: 'ready' };
      if (this.#closed) return;
      this.#options.log.info('ledger can be written again');
      this.#retryMs = RETRY_MS.first;
    } catch (error) {
      if (this.#closed) return;
      this.#writeFailures++;
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.longest);
      this.#failed(StoreError.from(this.#engine.name, error));
    }
  }
}
