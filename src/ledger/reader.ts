// Reads the ledger for metrics, page and command line. What metrics need is in memory.

import type { FailureReason } from '../failure.ts';
import type { Crash } from './crash.ts';
import { number, text } from './crash-rows.ts';
import { eachCrash } from './read-crashes.ts';
import type { FileResult, ReaderOptions } from './engine.ts';
import { dumpsWithoutHwerrOf, failuresOf, readFailureTotals } from './failure-totals.ts';
import { LastFailures, readLastFailures } from './last-failures.ts';
import type {
  CrashPage,
  HostCounts,
  LastFailure,
  LedgerView,
  SignaturePage,
} from './ledger-view.ts';
import type { RecentFailures, RecordedFailure } from './recent-failures.ts';
import type { Change, GoneFile } from './record.ts';
import { type Repair, lastRepair, readRepairs } from './repair.ts';
import { crashOfId, selectCrashes, selectSignatures } from './selection.ts';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { Store } from './store.ts';
import { type TotalsContext, readHostTotals, readTotals } from './total-rows.ts';
import { RunningTotals, type Totals } from './totals.ts';

/** What is kept of a ledger in memory: it grows with hosts, not with crashes. */
interface Memory {
  total: RunningTotals;
  readonly byHost: Map<string, RunningTotals>;
  knownHosts: number;
  readonly counted: Map<string, number>;
  readonly lastFailures: LastFailures;
  readonly repairs: readonly Repair[];
  readonly lastRepair: number;
}

/** Shows one ledger. What names a crash or lists some throws StoreError when it cannot be read. */
export class LedgerReader implements LedgerView {
  readonly isRead = true;
  readonly #options: ReaderOptions;
  readonly #failures: RecentFailures;
  #store: Store | undefined;
  #memory: Memory = {
    total: new RunningTotals({ isFallback: false }),
    byHost: new Map(),
    knownHosts: 0,
    counted: new Map(),
    lastFailures: new LastFailures(),
    repairs: [],
    lastRepair: 0,
  };

  constructor(options: ReaderOptions, failures: RecentFailures) {
    this.#options = options;
    this.#failures = failures;
  }

  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  /** Show this ledger from now on, and close the one before. @throws StoreError. */
  show(store: Store): void {
    this.#memory = this.#read(store);
    this.#store?.close();
    this.#store = store;
  }

  /** Read everything again: a write that seemed to fail may be on the disk. @throws StoreError. */
  reload(): void {
    if (this.#store !== undefined) this.#memory = this.#read(this.#store);
  }

  /**
   * Take in repairs that another process wrote. Not while a batch is on its way to the disk.
   *
   * @throws StoreError.
   */
  noticeRepairs(): void {
    if (this.#store === undefined) return;
    const last = this.#store.do(lastRepair());
    if (last === this.#memory.lastRepair) return;
    const repairs = this.#store.do(readRepairs());
    const isNew = (repair: Repair): boolean => !this.#memory.repairs.some(isSame(repair));
    const hosts = new Set(repairs.filter(isNew).map(({ host }) => host));
    this.#memory = { ...this.#memory, repairs, lastRepair: last };
    this.#reload([undefined, ...hosts]);
  }

  /** Take in what was just committed in one batch. @throws StoreError. */
  take(changes: readonly Change[], nowSeconds: number): void {
    const { counted, lastFailures } = this.#memory;
    for (const { counted: reason, failedHost: host } of changes) {
      if (reason === undefined) continue;
      counted.set(reason, (counted.get(reason) ?? 0) + 1);
      if (reason === 'kernel_without_hwerr') continue;
      lastFailures.record({ reason, host, recordedSeconds: nowSeconds });
    }
    const crashes = changes.flatMap(({ crash }) => crash ?? []);
    // What was the newest of a scope may not be that any more: only the tables know the next one.
    const stale = new Set(crashes.flatMap(staleScopes));
    for (const { before, after } of crashes) {
      const isRepaired = this.#isRepaired(after);
      const ofHost = this.#tracked(after.host);
      if (!stale.has(undefined)) this.#memory.total.change(before, after, nowSeconds, isRepaired);
      if (!stale.has(after.host)) ofHost?.change(before, after, nowSeconds, isRepaired);
    }
    this.#reload(stale);
  }

  close(): void {
    this.#store?.close();
    this.#store = undefined;
  }

  total(): Totals {
    return this.#memory.total;
  }

  crashCount(): number {
    return this.#memory.total.crashes;
  }

  hosts(): readonly string[] {
    return [...this.#memory.byHost]
      .filter(([, totals]) => totals.crashes > 0)
      .map(([name]) => name);
  }

  hostTotals(host: string): Totals | undefined {
    const totals = this.#memory.byHost.get(host);
    return totals === undefined || totals.crashes === 0 ? undefined : totals;
  }

  hostCounts(): HostCounts {
    const tracked = this.#memory.byHost.size;
    return { tracked, limit: this.#options.maxHosts, dropped: this.#memory.knownHosts - tracked };
  }

  failures(): Readonly<Partial<Record<FailureReason, number>>> {
    return failuresOf(this.#memory.counted);
  }

  lastFailures(): readonly LastFailure[] {
    return this.#memory.lastFailures.values();
  }

  dumpsWithoutHwerr(): number {
    return dumpsWithoutHwerrOf(this.#memory.counted);
  }

  recentFailures(): Iterable<RecordedFailure> {
    return this.#failures.values();
  }

  repairs(): readonly Repair[] {
    return this.#memory.repairs;
  }

  *crashes(filter: CrashFilter = {}): Generator<Crash> {
    if (this.#store !== undefined) yield* eachCrash(this.#store, filter);
  }

  select(selection: CrashSelection): CrashPage {
    if (this.#store === undefined) return { crashes: [], matching: 0 };
    return this.#store.do(selectCrashes(selection));
  }

  signatures(selection: CrashSelection): SignaturePage {
    if (this.#store === undefined) return { groups: [], signatures: 0, unsigned: 0 };
    return this.#store.do(selectSignatures(selection));
  }

  crash(id: string): Crash | undefined {
    return this.#store?.do(crashOfId(id));
  }

  /** What became of a file in this state, if that is known and needs no second look. */
  resultOf({ root, path }: GoneFile, version: string): FileResult | undefined {
    const known = this.#store?.row('SELECT version, result FROM file WHERE root = ? AND path = ?', [
      root,
      path,
    ]);
    return known?.['version'] === version ? (known['result'] as FileResult) : undefined;
  }

  /** Paths of the files of a directory that need no second look. */
  knownFiles(root: string): string[] {
    const rows = this.#store?.rows('SELECT path FROM file WHERE root = ?', [root]) ?? [];
    return rows.map(({ path }) => String(path));
  }

  #isRepaired({ host, sequence }: Crash): boolean {
    const sql = 'SELECT 1 FROM repair WHERE host = ? AND crash >= ? LIMIT 1';
    return this.#store?.row(sql, [host, sequence]) !== undefined;
  }

  /** The totals of a host; undefined beyond the limit. A host that is new begins with none. */
  #tracked(host: string): RunningTotals | undefined {
    const { byHost } = this.#memory;
    const known = byHost.get(host);
    if (known !== undefined || this.#store === undefined) return known;
    this.#memory.knownHosts = countHosts(this.#store);
    const row = this.#store.row('SELECT number FROM host WHERE name = ?', [host]);
    if ((number(row?.['number']) ?? Infinity) > this.#options.maxHosts) return undefined;
    const totals = new RunningTotals({ isFallback: host === this.#options.hostRule.fallback });
    byHost.set(host, totals);
    return totals;
  }

  /** @param scopes names of hosts; undefined: the total. */
  #reload(scopes: Iterable<string | undefined>): void {
    if (this.#store === undefined) return;
    const { byHost } = this.#memory;
    for (const scope of scopes) {
      if (scope === undefined) this.#memory.total = this.#store.do(readTotals(this.#context()));
      else if (byHost.has(scope)) {
        for (const [host, totals] of this.#store.do(readHostTotals([scope], this.#context()))) {
          byHost.set(host, totals);
        }
      }
    }
  }

  #context(): TotalsContext {
    const { hostRule, nowMs } = this.#options;
    return { fallback: hostRule.fallback, nowSeconds: Math.floor(nowMs() / 1000) };
  }

  #read(store: Store): Memory {
    const hosts = store
      .rows('SELECT name FROM host WHERE number <= ? ORDER BY number', [this.#options.maxHosts])
      .map((row) => text(row['name']) ?? '');
    return {
      total: store.do(readTotals(this.#context())),
      byHost: store.do(readHostTotals(hosts, this.#context())),
      knownHosts: countHosts(store),
      counted: store.do(readFailureTotals()),
      lastFailures: store.do(readLastFailures()),
      repairs: store.do(readRepairs()),
      lastRepair: store.do(lastRepair()),
    };
  }
}

/** The totals that a change makes smaller in some way. */
function staleScopes({
  before,
  after,
}: NonNullable<Change['crash']>): readonly (string | undefined)[] {
  if (before === undefined) return [];
  const isSooner = after.orderedSeconds < before.orderedSeconds;
  const isMoved = before.host !== after.host;
  return [
    ...(isSooner ? [undefined] : []),
    ...(isSooner || isMoved ? [before.host, after.host] : []),
  ];
}

function isSame(one: Repair): (other: Repair) => boolean {
  return (other) => one.number === other.number;
}

function countHosts(store: Store): number {
  return Number(store.row('SELECT count(*) AS count FROM host')?.['count']);
}
