// What metrics, page and API read of a shared ledger: from the database, by index, whatever any collector
// recorded. Memory grows with what is asked for, not with crashes. While the database is away, what it
// answered last is shown.

import { setTimeout as sleep } from 'node:timers/promises';
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
import { Kept } from './kept.ts';
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

/** While the database is away it is tried again this long after it was found away. */
const TRY_MS = 500;
/** Prometheus waits this long for newer numbers of a host, or names of hosts, than were read before. */
const PATIENCE_MS = 3000;
/** Lists of hosts that are kept: of /sd, and of the form of a page. */
const MAX_HOST_LISTS = 2;
/** Hosts whose numbers are kept for when it is away: each takes some kilobytes. */
const MAX_KEPT_HOSTS = 100_000;
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
  readonly #hosts = new Kept<readonly string[]>(MAX_HOST_LISTS, PATIENCE_MS);
  readonly #pages = new Kept<unknown>(MAX_PAGES);
  #summary = NOTHING;
  /** When the database answered last, by a clock that is never set. */
  #answeredMs = -Infinity;
  #isAway = false;
  /** The try that comes next, or is under way, for all who wait for the database. */
  #nextTry: Promise<unknown> | undefined;

  constructor(database: Postgres, options: ReaderOptions, failures: RecentFailures) {
    this.#database = database;
    this.#options = options;
    this.#failures = failures;
    this.#totals = new Kept(Math.min(options.maxHosts, MAX_KEPT_HOSTS), PATIENCE_MS);
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
    this.#summary = await this.#read(() => readSummary(this.#summary));
  }

  async total(): Promise<Totals> {
    return this.#page('total', () => readTotals(this.#context()));
  }

  crashCount(): number {
    return this.#summary.crashes;
  }

  hosts(most = this.#options.maxHosts): Promise<readonly string[]> {
    const limit = Math.min(most, this.#options.maxHosts);
    return this.#latest(this.#hosts, `${limit}`, () => readHosts(this.#options.maxHosts, limit));
  }

  hostTotals(host: string): Promise<Totals | undefined> {
    const { maxHosts } = this.#options;
    return this.#latest(this.#totals, host, () => totalsOf(host, maxHosts, this.#context()));
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
    return this.#latest(this.#pages, key, work) as Promise<T>;
  }

  /** What is read now; what was read before where that fails. @throws StoreError. */
  async #latest<T>(kept: Kept<T>, key: string, work: () => Work<T>): Promise<T> {
    if (this.#isAway && kept.has(key)) {
      this.#tryAgain().catch(() => undefined);
      return kept.get(key);
    }
    return await kept.latest(key, () => this.#ask(work));
  }

  /** @throws StoreError: `away` only after a try that began later than this. */
  async #ask<T>(work: () => Work<T>): Promise<T> {
    if (!this.#isAway) {
      try {
        return await this.#read(work);
      } catch (error) {
        if (!(error instanceof StoreError && error.problem === 'away')) throw error;
      }
    }
    await this.#tryAgain();
    return await this.#read(work);
  }

  #tryAgain(): Promise<unknown> {
    this.#nextTry ??= sleep(TRY_MS, undefined, { ref: false })
      .then(() => this.#read(() => row('SELECT 1')))
      .finally(() => {
        this.#nextTry = undefined;
      });
    return this.#nextTry;
  }

  async #read<T>(work: () => Work<T>): Promise<T> {
    const beganMs = performance.now();
    try {
      const result = await this.#database.read(work());
      this.#answeredMs = performance.now();
      this.#isAway = false;
      return result;
    } catch (error) {
      const problem = StoreError.from(this.#database.name, error);
      // A connection that broke says nothing of a database that answered over another one since.
      if (problem.problem === 'away' && this.#answeredMs < beganMs) this.#isAway = true;
      throw problem;
    }
  }

  #context(): { readonly fallback: string; readonly nowSeconds: number } {
    const { hostRule, nowMs } = this.#options;
    return { fallback: hostRule.fallback, nowSeconds: Math.floor(nowMs() / 1000) };
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
