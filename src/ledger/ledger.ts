// What is known of every crash, across restarts: the only state of the daemon, and all that metrics
// show. What the store has committed, and nothing else, is in the sums.

import { randomUUID } from 'node:crypto';
import { type FailureReason, messageOf } from '../failure.ts';
import type { Crash } from './crash.ts';
import { hasData, makeDirectory, prepare, setAside, setAsideCount } from './data-file.ts';
import type { FileOutcome } from '../outcome.ts';
import type { HostRule } from './host-name.ts';
import { type Lock, lockLedger } from './lock.ts';
import { Pending } from './pending.ts';
import { RecentFailures, type RecordedFailure } from './recent-failures.ts';
import { type Access, Store, survivingRead } from './store.ts';
import { HINTS, StoreError, type StoreProblem } from './store-error.ts';
import { Sums } from './sums.ts';
import type { Summary } from './summary.ts';
import {
  type Batch,
  type Committed,
  LAYOUT,
  type Tables,
  type Verdict,
  counters,
  crashOfId,
  newestCrashes,
  pathKey,
  rootKey,
  verify,
} from './tables.ts';
import { Writer } from './writer.ts';

export type { Crash, StoredReport } from './crash.ts';
export type { RecordedFailure } from './recent-failures.ts';
export type { Summary, Tally } from './summary.ts';
export type { Verdict } from './tables.ts';

/** Another daemon has the ledger; or a new one must be begun, and counters begin anew with a process. */
const FINAL: ReadonlySet<string> = new Set<LedgerState['kind']>(['busy', 'damaged']);
/** Time between two looks at what was set aside: somebody takes it away, and no scrape may look. */
const COUNT_MS = 10_000;
const RETRY_MS = { first: 500, longest: 30_000 };

export interface LedgerOptions {
  readonly directory: string;
  readonly suspectWindowSeconds: number;
  /** Hosts with sums of their own. Crashes of further hosts are recorded, and in the total. */
  readonly maxHosts: number;
  readonly hostRule: HostRule;
  readonly nowMs: () => number;
  /** Told when the state changes, and when a damaged ledger was set aside. */
  readonly log: (level: 'info' | 'error', message: string, fields: Record<string, string>) => void;
}

export type LedgerState =
  { readonly kind: 'ready' } | { readonly kind: StoreProblem; readonly message: string };

export interface HostCounts {
  readonly tracked: number;
  readonly limit: number;
  /** Hosts beyond the limit. */
  readonly dropped: number;
}

/** What metrics and pages read. All of it is committed; only what names a crash looks at the disk. */
export interface LedgerView {
  readonly state: LedgerState;
  /** Transactions since the start. */
  readonly writes: number;
  readonly writeFailures: number;
  /** Damaged ledgers that lie beside this one. */
  readonly setAside: number;
  /** Over every crash, of whatever host. */
  total(): Summary;
  /** Names of the hosts that have sums, in the order in which they became known. */
  hosts(): readonly string[];
  /** The sums of one host: they grow with hosts, not with dumps. */
  summary(host: string): Summary | undefined;
  hostCounts(): HostCounts;
  /** Files that gave no counters though they should have, by reason; each content once. */
  failures(): Readonly<Partial<Record<FailureReason, number>>>;
  /** Files of kernels that keep no counters; each content once. */
  dumpsWithoutHwerr(): number;
  /** The newest files that gave no counters since the start, oldest first; less those that healed. */
  recentFailures(): Iterable<RecordedFailure>;
  /**
   * Crashes of a host, or of every host, newest first. Read from the store as they are walked.
   *
   * @param offset how many to leave out at first, without reading them.
   */
  crashes(host?: string, offset?: number): Iterable<Crash>;
  crash(id: string): Crash | undefined;
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

export class Ledger implements LedgerView {
  readonly #options: LedgerOptions;
  readonly #owner = randomUUID();
  readonly #pending = new Pending();
  readonly #failures = new RecentFailures();
  readonly #writer: Writer;
  #store: Store<Tables> | undefined;
  #lock: Lock | undefined;
  #state: LedgerState = { kind: 'ready' };
  #sums: Sums;
  #writes = 0;
  #writeFailures = 0;
  #setAside = 0;
  #counting: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS.first;
  #timer: NodeJS.Timeout | undefined;
  /** Writing or recovering, whichever it is: one at a time. What comes in meanwhile goes along next. */
  #underWay: Promise<void> | undefined;
  #closed = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#writer = new Writer(options.directory);
    this.#sums = new Sums(options);
  }

  /** @throws StoreError as openLedger() does. */
  async open(): Promise<void> {
    const { directory } = this.#options;
    try {
      await this.#openToWrite();
    } catch (error) {
      const problem = StoreError.from(directory, error);
      if (problem.problem === 'busy' || problem.problem === 'newer') throw problem;
      // Zeros in place of what is there would be counters that went down: rather not start at all.
      if (this.#store === undefined && hasData(directory)) await this.#openStore('read');
      this.#failed(problem);
      this.#plan();
    }
    await this.#countSetAside();
    this.#counting = setInterval(() => void this.#countSetAside(), COUNT_MS).unref();
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

  total(): Summary {
    return this.#sums.total;
  }

  hosts(): readonly string[] {
    return [...this.#sums.byHost.keys()];
  }

  summary(host: string): Summary | undefined {
    return this.#sums.byHost.get(host);
  }

  hostCounts(): HostCounts {
    const tracked = this.#sums.byHost.size;
    const dropped = this.#sums.knownHosts - tracked;
    return { tracked, limit: this.#options.maxHosts, dropped };
  }

  failures(): Readonly<Partial<Record<FailureReason, number>>> {
    return this.#sums.failures;
  }

  dumpsWithoutHwerr(): number {
    return this.#sums.withoutHwerr;
  }

  recentFailures(): Iterable<RecordedFailure> {
    return this.#failures.values();
  }

  *crashes(host?: string, offset?: number): Generator<Crash> {
    if (this.#store !== undefined) yield* newestCrashes(this.#store.tables, host, offset);
  }

  crash(id: string): Crash | undefined {
    return this.#store === undefined ? undefined : crashOfId(this.#store.tables, id);
  }

  /** What became of a file in this state, if that is known and needs no second look. */
  verdict(root: string, path: string, version: string): Verdict | undefined {
    const known = this.#store?.tables.paths.get(pathKey(root, path));
    return known?.version === version ? known.verdict : undefined;
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
    if (this.#store?.access !== 'write') return;
    const start = rootKey(root);
    const present = new Set<string>();
    for (const path of paths) present.add(pathKey(root, path));
    for (const key of this.#store.tables.paths.keys({ start, end: `${start}g` })) {
      if (!present.has(key)) this.#pending.addGone(key);
    }
    this.#plan();
  }

  /** Writes what is pending, if that can be done now, and lets go of the files. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#counting);
    await this.#underWay;
    while (this.#state.kind === 'ready' && this.#pending.outcomeCount > 0) await this.#flush();
    await this.#writer.close();
    await this.#closeStore();
    await this.#lock?.release();
  }

  async #countSetAside(): Promise<void> {
    this.#setAside = await setAsideCount(this.#options.directory);
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
    const { hostRule, nowMs } = this.#options;
    const context = { hostRule, nowSeconds: Math.floor(nowMs() / 1000) };
    const batch = this.#pending.next();
    const done = await this.#commit({
      outcomes: batch.outcomes.map(({ outcome }) => outcome),
      gone: batch.gone,
      context,
      owner: this.#owner,
    });
    if (done === undefined) return;
    this.#sums.change(done.changes, done.counters);
    for (const [i, { outcome, hasHealed }] of batch.outcomes.entries()) {
      const failure = hasHealed ? undefined : done.changes[i]?.failure;
      this.#failures.record(outcome.path, failure, context.nowSeconds);
    }
    this.#pending.done(batch);
  }

  /** undefined: it failed, and the state says why. */
  async #commit(batch: Batch): Promise<Committed | undefined> {
    try {
      const committed = await this.#writer.commit(batch);
      this.#writes++;
      this.#store?.refresh();
      return committed;
    } catch (error) {
      this.#writeFailures++;
      this.#failed(StoreError.from(this.#options.directory, error));
      return undefined;
    }
  }

  /** The file, or directory, could not be read and can be now. */
  healed(path: string): void {
    this.#failures.healed(path);
    this.#pending.healed(path);
  }

  #failed({ problem, message }: StoreError): void {
    if (this.#state.kind !== problem) {
      this.#options.log('error', 'ledger cannot be written', {
        problem,
        error: message,
        hint: HINTS[problem],
      });
    }
    this.#state = { kind: problem, message };
  }

  async #recover(): Promise<void> {
    try {
      await this.#openToWrite();
      if (this.#closed) return;
      this.#options.log('info', 'ledger can be written again', {});
      this.#retryMs = RETRY_MS.first;
    } catch (error) {
      if (this.#closed) return;
      this.#writeFailures++;
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.longest);
      this.#failed(StoreError.from(this.#options.directory, error));
    }
  }

  async #openToWrite(): Promise<void> {
    const { directory } = this.#options;
    makeDirectory(directory);
    this.#lock ??= await lockLedger(directory);
    const known = this.#store;
    if (known?.access !== 'write') {
      if (known !== undefined) prepare(directory); // or there would be none to read
      await this.#closeStore();
      await this.#openStore('write');
    }
    this.#store?.commit((tables) => {
      tables.state.put('counters', { ...counters(tables), owner: this.#owner });
    });
    // What seemed to fail may be on the disk all the same, as when the thread that wrote it died.
    if (known?.access === 'write') this.#sums = Sums.of(known.tables, this.#options);
    this.#writes++;
    this.#state = { kind: 'ready' };
  }

  /** @throws StoreError; with access to write, never for a damaged ledger: that is set aside. */
  async #openStore(access: Access): Promise<void> {
    const { directory, nowMs, log } = this.#options;
    try {
      this.#sums = survivingRead(directory, () => {
        this.#store = Store.open(directory, access, LAYOUT);
        verify(this.#store.tables);
        return Sums.of(this.#store.tables, this.#options);
      });
    } catch (error) {
      await this.#closeStore();
      const problem = StoreError.from(directory, error);
      if (problem.problem !== 'damaged' || access === 'read') throw problem;
      const name = setAside(directory, nowMs());
      log('error', 'ledger is damaged, set aside; a new one begins with the dumps still there', {
        error: messageOf(error),
        kept: name,
      });
      await this.#openStore('write');
    }
  }

  async #closeStore(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }
}
