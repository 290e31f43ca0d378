// What is known of every crash, across restarts: the only state of the daemon, and all that metrics
// show. What the store has committed, and nothing else, is in the sums.

import { randomUUID } from 'node:crypto';
import { type FailureReason, messageOf } from '../failure.ts';
import type { Crash } from './crash.ts';
import { hasData, makeDirectory, setAside, setAsideCount } from './data-file.ts';
import type { HostRule } from './host-name.ts';
import { type Lock, lockLedger } from './lock.ts';
import { type Access, Store, survivingRead } from './store.ts';
import { StoreError, type StoreProblem } from './store-error.ts';
import { Sums } from './sums.ts';
import type { Summary } from './summary.ts';
import {
  type FileOutcome,
  LAYOUT,
  type Tables,
  type Verdict,
  apply,
  counters,
  pathKey,
  rootKey,
} from './tables.ts';

export type { Crash } from './crash.ts';
export type { Summary, Tally } from './summary.ts';
export type { FileOutcome, FileResult, Verdict } from './tables.ts';

/** Outcomes in one transaction: their records fit into the room that is made for it. */
const BATCH = 64;
/** Outcomes held while the store cannot write. Whoever has more must wait: see isFull. */
const MOST_PENDING = 1024;
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

/** What metrics and pages read. All of it is committed; `crashes` alone looks at the disk. */
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
  /** Every crash, those that became known last first. Read from the store as it is walked. */
  crashes(): Iterable<Crash>;
}

/** @throws StoreError when the ledger is `busy`, `newer`, or there and not readable. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const ledger = new Ledger(options);
  await ledger.open();
  return ledger;
}

const HINTS: Readonly<Record<StoreProblem, string>> = {
  full: 'make room on its file system; writing goes on by itself then',
  read_only: 'let the exporter write there; writing goes on by itself then',
  io: 'look at the disk',
  damaged: 'restart the exporter: it sets the ledger aside and begins a new one',
  newer: 'use the version of the exporter that wrote it',
  busy: 'stop one of the two exporters',
};

/**
 * Read the crashes of a ledger that a daemon may be writing, those that became known last first.
 *
 * @throws StoreError when there is no ledger, or it cannot be read.
 */
export async function readCrashes(
  directory: string,
  read: (crashes: Iterable<Crash>) => void,
): Promise<void> {
  const store = Store.open(directory, 'read', LAYOUT);
  try {
    read(newestFirst(store.tables));
  } finally {
    await store.close();
  }
}

function* newestFirst(tables: Tables): Generator<Crash> {
  for (const [, crash] of tables.crashes.entries({ reverse: true })) yield crash;
}

interface Pending {
  readonly outcome: FileOutcome;
  readonly committed: () => void;
}

export class Ledger implements LedgerView {
  readonly #options: LedgerOptions;
  readonly #owner = randomUUID();
  readonly #pending: Pending[] = [];
  #store: Store<Tables> | undefined;
  #lock: Lock | undefined;
  #state: LedgerState = { kind: 'ready' };
  #sums: Sums;
  #writes = 0;
  #writeFailures = 0;
  #setAside = 0;
  #retryMs = RETRY_MS.first;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
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
    }
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

  /** Whether the store has been failing for so long that no further outcome can be held. */
  get isFull(): boolean {
    return this.#pending.length >= MOST_PENDING;
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

  *crashes(): Generator<Crash> {
    if (this.#store !== undefined) yield* newestFirst(this.#store.tables);
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
    return new Promise((committed) => {
      this.#pending.push({ outcome, committed });
      this.#schedule(0);
    });
  }

  /** Forget the files of a directory that are not there any more. The crashes stay. */
  retain(root: string, paths: Iterable<string>): void {
    if (this.#store?.access !== 'write' || this.#state.kind !== 'ready') return;
    const start = rootKey(root);
    const present = new Set<string>();
    for (const path of paths) present.add(pathKey(root, path));
    const gone: string[] = [];
    for (const [key] of this.#store.tables.paths.entries({ start, end: `${start}g` })) {
      if (!present.has(key)) gone.push(key);
    }
    for (let i = 0; i < gone.length; i += BATCH) {
      const some = gone.slice(i, i + BATCH);
      if (
        !this.#commit((tables) => {
          for (const key of some) tables.paths.remove(key);
        })
      )
        return;
    }
  }

  /** Writes what is pending, once, and lets go of the files. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#state.kind === 'ready') this.#flush();
    await this.#closeStore();
    await this.#lock?.release();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#state.kind === 'ready') this.#flush();
      else void this.#recover();
    }, delayMs);
  }

  #flush(): void {
    const { hostRule, nowMs } = this.#options;
    const context = { hostRule, nowSeconds: Math.floor(nowMs() / 1000) };
    const batch = this.#pending.slice(0, BATCH);
    if (batch.length === 0) return;
    const done = this.#commit((tables) => {
      const changes = batch.map(({ outcome }) => apply(tables, outcome, context));
      return { changes, counters: counters(tables) };
    });
    if (done === undefined) return;
    this.#sums.change(done.value.changes, done.value.counters);
    this.#pending.splice(0, batch.length);
    for (const { committed } of batch) committed();
    if (this.#pending.length > 0) this.#schedule(0);
  }

  /** undefined: it failed, nothing of it is in the ledger, and the state says why. */
  #commit<R>(work: (tables: Tables) => R): { readonly value: R } | undefined {
    try {
      if (this.#store === undefined) throw new StoreError('io', 'the ledger is not open');
      const value = this.#store.commit((tables) => {
        const { owner } = counters(tables);
        if (owner !== this.#owner)
          throw new StoreError('busy', 'another daemon took the ledger over');
        return work(tables);
      });
      this.#writes++;
      return { value };
    } catch (error) {
      this.#writeFailures++;
      this.#failed(StoreError.from(this.#options.directory, error));
      return undefined;
    }
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
    if (problem === 'busy') return; // the ledger is the other daemon's
    this.#schedule(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.longest);
  }

  async #recover(): Promise<void> {
    try {
      await this.#openToWrite();
      if (this.#closed) return;
      this.#options.log('info', 'ledger can be written again', {});
      this.#retryMs = RETRY_MS.first;
      this.#schedule(0);
    } catch (error) {
      if (this.#closed) return;
      this.#writeFailures++;
      this.#failed(StoreError.from(this.#options.directory, error));
    }
  }

  async #openToWrite(): Promise<void> {
    const { directory } = this.#options;
    makeDirectory(directory);
    this.#lock ??= await lockLedger(directory);
    if (this.#store?.access !== 'write') {
      await this.#closeStore();
      await this.#openStore('write');
    }
    this.#store?.commit((tables) => {
      tables.state.put('counters', { ...counters(tables), owner: this.#owner });
    });
    this.#writes++;
    this.#state = { kind: 'ready' };
  }

  /** @throws StoreError; with access to write, never for a damaged ledger: that is set aside. */
  async #openStore(access: Access): Promise<void> {
    const { directory, nowMs, log } = this.#options;
    try {
      this.#sums = survivingRead(directory, () => {
        this.#store = Store.open(directory, access, LAYOUT);
        return Sums.of(this.#store.tables, this.#options);
      });
      this.#setAside = setAsideCount(directory);
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
