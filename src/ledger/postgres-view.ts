// What metrics, page and API read of a shared ledger: from the database, by index, whatever any collector
// recorded. Memory grows with what is asked for, not with crashes. While the database is away, what it
// answered last is shown.

import type { FailureReason } from '../failure.ts';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { Crash } from './crash.ts';
import { number, text } from './crash-rows.ts';
import type { ReaderOptions } from './engine.ts';
import {
  type FailureTotals,
  dumpsWithoutHwerrOf,
  failuresOf,
  readFailureTotals,
} from './failure-totals.ts';
import { LastFailures, readLastFailures } from './last-failures.ts';
import type {
  CrashPage,
  HostCounts,
  LastFailure,
  LedgerView,
  SignaturePage,
} from './ledger-view.ts';
import type { Postgres } from './postgres.ts';
import { eachCrash } from './postgres-walk.ts';
import type { RecentFailures, RecordedFailure } from './recent-failures.ts';
import { crashOfId, nextCrashes, selectCrashes, selectSignatures } from './selection.ts';
import { type Work, row, rows, select, together } from './statements.ts';
import { StoreError } from './store-error.ts';
import { readHostTotals, readTotals } from './total-rows.ts';
import type { Totals } from './totals.ts';

/** While the database is away, one of those who ask tries it again so often; the others do not wait. */
const TRY_MS = 1000;
/** Lists of hosts that are kept: of /sd, and of the form of a page. */
const MAX_HOST_LISTS = 2;
/** Pages that are shown while it is away. */
const MAX_PAGES = 32;

/** What every scrape and page shows of the ledger as a whole, read every few seconds. */
interface Summary {
  readonly crashes: number;
  readonly hosts: number;
  readonly counted: FailureTotals;
  readonly lastFailures: LastFailures;
  /** Batches that were recorded. */
  readonly commits: string | null;
  readonly isPassed: boolean;
}

const NOTHING: Summary = {
  ...{ crashes: 0, hosts: 0, counted: new Map(), commits: null, isPassed: false },
  lastFailures: new LastFailures(),
};

/** Shows a shared ledger. */
export class PostgresView implements LedgerView {
  readonly #options: ReaderOptions;
  readonly #database: Postgres;
  readonly #failures: RecentFailures;
  readonly #totals: Kept<Totals | undefined>;
  readonly #hosts = new Kept<readonly string[]>(MAX_HOST_LISTS);
  readonly #pages = new Kept<unknown>(MAX_PAGES);
  #summary = NOTHING;
  /** Why the database did not answer, and when it was tried last; undefined: it answered. */
  #away: { readonly problem: StoreError; triedMs: number } | undefined;

  constructor(database: Postgres, options: ReaderOptions, failures: RecentFailures) {
    this.#database = database;
    this.#options = options;
    this.#failures = failures;
    this.#totals = new Kept(options.maxHosts);
  }

  get isRead(): boolean {
    return this.#summary !== NOTHING;
  }

  /** Whether the first pass over the directories was recorded by any collector. */
  get isPassed(): boolean {
    return this.#summary.isPassed;
  }

  /** Read what is shown of the ledger as a whole. @throws StoreError. */
  async refresh(): Promise<void> {
    this.#summary = await this.#read(readSummary(this.#summary));
  }

  async total(): Promise<Totals> {
    return this.#page('total', () => readTotals(this.#context()));
  }

  crashCount(): number {
    return this.#summary.crashes;
  }

  hosts(most = this.#options.maxHosts): Promise<readonly string[]> {
    const limit = Math.min(most, this.#options.maxHosts);
    return this.#hosts.latest(`${limit}`, () =>
      this.#ask(() => readHosts(this.#options.maxHosts, limit)),
    );
  }

  hostTotals(host: string): Promise<Totals | undefined> {
    const { maxHosts } = this.#options;
    return this.#totals.latest(host, () =>
      this.#ask(() => totalsOf(host, maxHosts, this.#context())),
    );
  }

  hostCounts(): HostCounts {
    const { maxHosts: limit } = this.#options;
    const tracked = Math.min(this.#summary.hosts, limit);
    return { tracked, limit, dropped: this.#summary.hosts - tracked };
  }

  failures(): Readonly<Partial<Record<FailureReason, number>>> {
    return failuresOf(this.#summary.counted);
  }

  lastFailures(): readonly LastFailure[] {
    return this.#summary.lastFailures.values();
  }

  dumpsWithoutHwerr(): number {
    return dumpsWithoutHwerrOf(this.#summary.counted);
  }

  recentFailures(): Iterable<RecordedFailure> {
    return this.#failures.values();
  }

  crashes(filter: CrashFilter = {}): AsyncGenerator<Crash> {
    return eachCrash((last) => this.#ask(() => nextCrashes(filter, last)));
  }

  select(selection: CrashSelection): Promise<CrashPage> {
    return this.#page(`crashes ${JSON.stringify(selection)}`, () => selectCrashes(selection));
  }

  signatures(selection: CrashSelection): Promise<SignaturePage> {
    return this.#page(`signatures ${JSON.stringify(selection)}`, () => selectSignatures(selection));
  }

  crash(id: string): Promise<Crash | undefined> {
    return this.#page(`crash ${id}`, () => crashOfId(id));
  }

  #page<T>(key: string, work: () => Work<T>): Promise<T> {
    return this.#pages.latest(key, () => this.#ask(work)) as Promise<T>;
  }

  /** @throws StoreError: at once while the database is known to be away. */
  async #ask<T>(work: () => Work<T>): Promise<T> {
    if (this.#away !== undefined) {
      if (performance.now() - this.#away.triedMs < TRY_MS) throw this.#away.problem;
      this.#away.triedMs = Infinity; // the others do not wait for this try
    }
    return await this.#read(work());
  }

  async #read<T>(work: Work<T>): Promise<T> {
    try {
      const result = await this.#database.read(work);
      this.#away = undefined;
      return result;
    } catch (error) {
      const problem = StoreError.from(this.#database.name, error);
      this.#away = { problem, triedMs: performance.now() };
      throw problem;
    }
  }

  #context(): { readonly fallback: string; readonly nowSeconds: number } {
    const { hostRule, nowMs } = this.#options;
    return { fallback: hostRule.fallback, nowSeconds: Math.floor(nowMs() / 1000) };
  }
}

/** What was read last under so many keys. */
class Kept<T> {
  readonly #most: number;
  /** Those that were read last are at the end. */
  readonly #byKey = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  /** What is read now; where that fails, what was read before. @throws what `read` throws. */
  async latest(key: string, read: () => Promise<T>): Promise<T> {
    let value: T;
    try {
      value = await read();
    } catch (error) {
      if (!this.#byKey.has(key)) throw error;
      return this.#byKey.get(key) as T;
    }
    this.#byKey.delete(key);
    // Whoever asks for what is not there drives out nothing that is.
    if (value !== undefined) this.#byKey.set(key, value);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > this.#most && oldest !== undefined) this.#byKey.delete(oldest);
    return value;
  }
}

function* readSummary(before: Summary): Work<Summary> {
  const [meta, crashes, hosts] = yield* together([
    select(`SELECT key, value FROM meta WHERE key IN ('commits', 'first_pass')`),
    select('SELECT max(sequence) AS last FROM crash'),
    select('SELECT max(number) AS last FROM host'),
  ]);
  const values = new Map(meta?.rows.map(({ key, value }) => [key, text(value)]));
  const summary = {
    ...before,
    crashes: number(crashes?.rows[0]?.['last']) ?? 0,
    hosts: number(hosts?.rows[0]?.['last']) ?? 0,
    commits: values.get('commits') ?? null,
    isPassed: values.has('first_pass'),
  };
  if (summary.commits === before.commits) return summary;
  return {
    ...summary,
    counted: yield* readFailureTotals(),
    lastFailures: yield* readLastFailures(),
  };
}

/** A host whose name became known of a crash has none any more when all of them turned out to be of another. */
function* readHosts(maxHosts: number, limit: number): Work<readonly string[]> {
  const found = yield* rows(
    `SELECT name FROM host
       WHERE number <= :hosts AND EXISTS (SELECT 1 FROM crash WHERE crash.host = host.name)
       ORDER BY number LIMIT :limit`,
    { hosts: maxHosts, limit },
  );
  return found.map(({ name }) => String(name));
}

function* totalsOf(
  host: string,
  maxHosts: number,
  context: { readonly fallback: string; readonly nowSeconds: number },
): Work<Totals | undefined> {
  const known = yield* row('SELECT number FROM host WHERE name = ?', [host]);
  if ((number(known?.['number']) ?? Infinity) > maxHosts) return undefined;
  const totals = (yield* readHostTotals([host], context)).get(host);
  return totals === undefined || totals.crashes === 0 ? undefined : totals;
}
