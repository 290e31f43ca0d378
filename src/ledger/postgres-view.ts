// What metrics, page and API read of a shared ledger: from the database, by index, whatever any collector
// recorded. Memory grows with what is asked for, not with crashes. While the database is away, what it
// answered last is shown.

import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { Crash } from './crash.ts';
import { text } from './crash-rows.ts';
import type { ReaderOptions } from './engine.ts';
import { readHosts } from './hosts.ts';
import { Kept } from './kept.ts';
import type { CrashPage, LedgerView, SignaturePage } from './ledger-view.ts';
import type { Postgres } from './postgres.ts';
import { eachCrash } from './postgres-walk.ts';
import type { RecentFailures } from './recent-failures.ts';
import { crashOfId, nextCrashes, selectCrashes, selectSignatures } from './selection.ts';
import { type Work, row, rows } from './statements.ts';
import { StoreError } from './store-error.ts';
import { NOTHING, type Summary, SummaryView, readSummary } from './summary.ts';
import { readHostTotals, readTotals } from './total-rows.ts';
import type { Totals } from './totals.ts';

/** While the database is away it is tried again this long after it was found away. */
const TRY_MS = 500;
/** Prometheus waits this long for newer numbers of a host, or names of hosts, than were read before. */
const PATIENCE_MS = 3000;
/** Hosts whose totals are kept, for when it is away: each takes some 10 KiB. */
const MAX_KEPT_HOSTS = 100_000;
/** Lists of hosts that are kept: of /sd, and of the form of a page. */
const MAX_HOST_LISTS = 2;
/** Pages that are shown while it is away. */
const MAX_PAGES = 32;

/** What is read every few seconds. */
interface SharedSummary extends Summary {
  /** Batches that were recorded. */
  readonly commits: string | null;
  readonly isPassed: boolean;
}

const NOT_READ: SharedSummary = { ...NOTHING, commits: null, isPassed: false };

/** Shows a shared ledger. */
export class PostgresView extends SummaryView implements LedgerView {
  readonly #database: Postgres;
  readonly #totals = new Kept<Totals | undefined>(MAX_KEPT_HOSTS, PATIENCE_MS);
  readonly #hosts = new Kept<readonly string[]>(MAX_HOST_LISTS, PATIENCE_MS);
  readonly #pages = new Kept<unknown>(MAX_PAGES);
  #summary = NOT_READ;
  /** When the database answered last, by a clock that is never set. */
  #answeredMs = -Infinity;
  #isAway = false;
  /** The try that comes next, or is under way, for all who wait for the database. */
  #nextTry: Promise<unknown> | undefined;

  constructor(database: Postgres, options: ReaderOptions, failures: RecentFailures) {
    super(options, failures);
    this.#database = database;
  }

  get isRead(): boolean {
    return this.#summary !== NOT_READ;
  }

  /** Whether the first pass over the directories was recorded by any collector. */
  get isPassed(): boolean {
    return this.#summary.isPassed;
  }

  /** Read what is shown of the ledger as a whole. @throws StoreError. */
  async refresh(): Promise<void> {
    this.#summary = await this.#read(() => readShared(this.#summary));
  }

  protected summary(): Summary {
    return this.#summary;
  }

  async total(): Promise<Totals> {
    return this.#page('total', () => readTotals(this.context()));
  }

  hosts(most = this.options.maxHosts): Promise<readonly string[]> {
    const { maxHosts } = this.options;
    const limit = Math.min(most, maxHosts);
    return this.#latest(this.#hosts, `${limit}`, () => readHosts(maxHosts, limit));
  }

  hostTotals(host: string): Promise<Totals | undefined> {
    return this.#latest(this.#totals, host, () => readHostTotals(host, this.context()));
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
      return kept.get(key) as T;
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
}

function* readShared(before: SharedSummary): Work<SharedSummary> {
  const meta = yield* rows(`SELECT key, value FROM meta WHERE key IN ('commits', 'first_pass')`);
  const values = new Map(meta.map(({ key, value }) => [key, text(value)]));
  const [commits, isPassed] = [values.get('commits') ?? null, values.has('first_pass')];
  const summary = commits === before.commits ? before : yield* readSummary();
  return { ...summary, commits, isPassed };
}
