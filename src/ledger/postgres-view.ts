// Reads a shared ledger for metrics, pages and API: from the database, by index, with the crashes of all
// collectors. Memory grows with the number of different queries, not of crashes. While the database is
// unreachable, its last answers are shown.

import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { Crash } from './crash.ts';
import { text } from './crash-rows.ts';
import type { ReaderOptions } from './engine.ts';
import { readHosts } from './hosts.ts';
import { Cache } from './cache.ts';
import type { CrashPage, LedgerView, SignaturePage } from './ledger-view.ts';
import type { Postgres } from './postgres.ts';
import { eachCrash } from './postgres-walk.ts';
import type { RecentFailures } from './recent-failures.ts';
import { crashOfId, nextCrashes, selectCrashes, selectSignatures } from './selection.ts';
import { type Work, row, rows } from './statements.ts';
import { StoreError } from './store-error.ts';
import {
  NO_LEDGER_TOTALS,
  type LedgerTotals,
  LedgerTotalsView,
  readLedgerTotals,
} from './ledger-totals.ts';
import { type TotalsText, readHostTotals, readTotals, totalsIn } from './total-rows.ts';
import type { Totals } from './totals.ts';

/** Time between attempts to reach the database. */
const TRY_MS = 500;
/** Maximum time to wait for newer totals of a host, or host names, if older ones are cached. */
const MAX_WAIT_MS = 3000;
/** Maximum number of characters of cached totals; a host takes 3,000, more with long log lines. */
const MAX_TOTALS = 2 ** 28;
/** Maximum number of cached host lists: for /sd, and for the form of a page. */
const MAX_HOST_LISTS = 2;
/** Maximum number of characters of cached pages. */
const MAX_PAGES = 2 ** 25;

const lengthOf = (text: string): number => text.length;

/** What is read every few seconds. */
interface SharedTotals extends LedgerTotals {
  /** Number of recorded batches. */
  readonly commits: string | null;
  readonly isPassed: boolean;
}

const NOT_READ: SharedTotals = { ...NO_LEDGER_TOTALS, commits: null, isPassed: false };

/** Reads a shared ledger. */
export class PostgresView extends LedgerTotalsView implements LedgerView {
  readonly #database: Postgres;
  readonly #totals = new Cache<TotalsText>({
    ...{ maxSize: MAX_TOTALS, sizeOf: lengthOf, maxWaitMs: MAX_WAIT_MS },
  });
  readonly #hosts = new Cache<readonly string[]>({
    ...{ maxSize: MAX_HOST_LISTS, maxWaitMs: MAX_WAIT_MS },
  });
  /** JSON of each page. */
  readonly #pages = new Cache<string>({ maxSize: MAX_PAGES, sizeOf: lengthOf });
  #ledgerTotals = NOT_READ;
  /** When the database last answered, by a monotonic clock. */
  #answeredMs = -Infinity;
  #isAway = false;
  /** The next or current attempt to reach the database, shared by all waiting queries. */
  #nextTry: Promise<unknown> | undefined;

  constructor(database: Postgres, options: ReaderOptions, failures: RecentFailures) {
    super(options, failures);
    this.#database = database;
  }

  get isRead(): boolean {
    return this.#ledgerTotals !== NOT_READ;
  }

  /** Whether any collector has recorded a complete first pass over the directories. */
  get isPassed(): boolean {
    return this.#ledgerTotals.isPassed;
  }

  /** Reads the totals of the ledger. @throws StoreError. */
  async refresh(): Promise<void> {
    this.#ledgerTotals = await this.#read(() => readShared(this.#ledgerTotals));
  }

  protected ledgerTotals(): LedgerTotals {
    return this.#ledgerTotals;
  }

  async total(): Promise<Totals> {
    return totalsIn(await this.#page('total', () => readTotals(this.context())));
  }

  hosts(max = this.options.maxHosts): Promise<readonly string[]> {
    const { maxHosts } = this.options;
    const limit = Math.min(max, maxHosts);
    return this.#latest(this.#hosts, `${limit}`, () => readHosts(maxHosts, limit));
  }

  async hostTotals(host: string): Promise<Totals | undefined> {
    const read = (): Work<TotalsText | undefined> => readHostTotals(host, this.context());
    const text = await this.#latest(this.#totals, host, read);
    return text === undefined ? undefined : totalsIn(text);
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

  /** Returns the result of `work`, which must be serializable as JSON. */
  async #page<T>(key: string, work: () => Work<T>): Promise<T> {
    const text = await this.#latest(this.#pages, key, () => jsonOf(work()));
    return (text === undefined ? undefined : JSON.parse(text)) as T;
  }

  /** Returns the result of `work`; the cached one if reading fails. @throws StoreError. */
  async #latest<T, R extends T | undefined>(
    cache: Cache<T>,
    key: string,
    work: () => Work<R>,
  ): Promise<R> {
    if (this.#isAway && cache.has(key)) {
      this.#tryAgain().catch(() => undefined);
      return cache.get(key) as R;
    }
    return await cache.latest(key, () => this.#ask(work));
  }

  /** @throws StoreError; `away` only after an attempt that began after this call. */
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
      // A broken connection means nothing if the database answered over another one since.
      if (problem.problem === 'away' && this.#answeredMs < beganMs) this.#isAway = true;
      throw problem;
    }
  }
}

function* jsonOf(work: Work<unknown>): Work<string | undefined> {
  return JSON.stringify(yield* work);
}

function* readShared(before: SharedTotals): Work<SharedTotals> {
  const meta = yield* rows(`SELECT key, value FROM meta WHERE key IN ('commits', 'first_pass')`);
  const values = new Map(meta.map(({ key, value }) => [key, text(value)]));
  const [commits, isPassed] = [values.get('commits') ?? null, values.has('first_pass')];
  const totals = commits === before.commits ? before : yield* readLedgerTotals();
  return { ...totals, commits, isPassed };
}
