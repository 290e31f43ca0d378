// What is known of every crash, across restarts: the only state of the daemon. This records what became
// of files, one batch at a time, and keeps trying where the disk does not let it; reader.ts shows what
// is durable, and nothing else.

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
/** Changes by other processes, repairs and ledgers removed, come in bursts, as the own ones do. */
const BURST_MS = 500;
const RETRY_MS = { first: 500, longest: 30_000 };

type FirstPassProgress = 'running' | 'partial' | 'over';

/** How crashes are named and judged when they are recorded. */
export interface RecordingOptions extends ReaderOptions {
  /** A crash is judged by it when it is recorded. */
  readonly suspectWindowSeconds: number;
  readonly hostRule: HostRule;
  /** undefined: it is to have the crashes of all hosts. */
  readonly shard?: Shard | undefined;
  readonly log: Logger;
}

/** The same, and where the ledger is. */
export interface LedgerOptions extends RecordingOptions {
  readonly directory: string;
  /** Whether every scrape shows the totals of all crashes. */
  readonly showsTotal?: boolean;
}

/**
 * The ledger of a directory.
 *
 * @throws StoreError when the ledger is `busy`, `newer`, or there and not readable.
 */
export function openLedger(options: LedgerOptions): Promise<Ledger> {
  return openLedgerOf(new SqliteEngine(options), options);
}

/** @throws StoreError as the engine's open() does. */
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

/** What became of every file, durable. While it cannot be written, outcomes wait in memory. */
export class Ledger<View extends LedgerView = LedgerReader> implements LedgerStatus {
  /** What is durable. */
  readonly view: View;
  readonly #engine: Engine<View>;
  readonly #options: RecordingOptions;
  readonly #pending = new Pending();
  #state: LedgerState = { kind: 'ready' };
  #writes = 0;
  #writeFailures = 0;
  /** How far the first pass over the directories is: as told, and as recorded. */
  readonly #firstPass: Record<'told' | 'recorded', FirstPassProgress> = {
    told: 'running',
    recorded: 'running',
  };
  #looking: NodeJS.Timeout | undefined;
  /** undefined also while one is under way: what happens meanwhile needs another. */
  #lookPlanned: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS.first;
  #timer: NodeJS.Timeout | undefined;
  /** Writing, recovering or looking, whichever it is: one at a time. What comes in meanwhile goes along next. */
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

  /** How the writing goes; where that goes well, how the reading does. */
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
    const { told, recorded } = this.#firstPass;
    const progress = this.#state.kind === 'ready' ? recorded : told;
    // Zeros would be a claim about the directories that do not answer.
    const isKnown = progress === 'over' || (progress === 'partial' && this.view.crashCount() > 0);
    return isKnown || this.#engine.isPassedBefore;
  }

  /**
   * Every outcome of the first pass over the directories was given to record(); `partial`: but for
   * directories that do not answer.
   */
  reportFirstPass(progress: 'partial' | 'over'): void {
    if (this.#firstPass.told !== 'over') this.#firstPass.told = progress;
    this.#lookAtFirstPass();
  }

  /** How collectors that share it share the files; undefined: there is only this one. */
  get claims(): Claims | undefined {
    return this.#engine.claims;
  }

  /** Which files are of the hosts that it has; undefined: all are. */
  get share(): Share | undefined {
    const { shard, hostRule } = this.#options;
    return shard && shareOf(shard, hostRule);
  }

  /** What became of a file in this state, if that is known and needs no second look. */
  resultOf(root: string, path: string, version: string): FileResult | undefined {
    return this.#engine.resultOf(root, path, version);
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

  /**
   * Forget the files of a directory that are not there any more. The crashes stay.
   *
   * @param vanished those that were present before.
   */
  retain(root: string, present: Iterable<string>, vanished: readonly string[]): void {
    const kept = new Set(present);
    for (const path of this.#engine.forgettable(root, vanished)) {
      if (!kept.has(path)) this.#pending.addGone({ root, path });
    }
    this.#plan();
  }

  /** The file, or directory, could not be read and can be now. */
  recovered(path: string): void {
    this.#engine.failures.recovered(path);
    this.#pending.recovered(path);
  }

  /** Writes what is pending, if that can be done now, and closes the files. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    clearTimeout(this.#lookPlanned);
    await this.#underWay;
    while (this.#state.kind === 'ready' && this.#pending.outcomeCount > 0) await this.#flush();
    await this.#engine.close();
  }

  /** Does work that is not to meet with other such work. */
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

  /** Writes what waited longest. @throws StoreError. */
  async #write(): Promise<void> {
    const { hostRule, nowMs, suspectWindowSeconds } = this.#options;
    const nowSeconds = Math.floor(nowMs() / 1000);
    const batch = this.#pending.next();
    const changes = await this.#engine.write({
      outcomes: batch.outcomes.map(({ outcome }) => outcome),
      gone: batch.gone,
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
  }

  async #recover(): Promise<void> {
    try {
      await this.#engine.recover();
      this.#writes++;
      // There may be room for little, and not for what waits.
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
