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
import { type TotalsText, readHostTotals, readTotals, totalsIn } from './total-rows.ts';
import type { Totals } from './totals.ts';

/** While the database is away it is tried again this long after it was found away. */
const TRY_MS = 500;
/** Prometheus waits this long for newer numbers of a host, or names of hosts, than were read before. */
const PATIENCE_MS = 3000;
/** Characters of the totals that are kept, for when it is away: a host takes 3,000, or more where its logs are long. */
const MAX_TOTALS = 2 ** 28;
/** Lists of hosts that are kept: of /sd, and of the form of a page. */
const MAX_HOST_LISTS = 2;
/** Characters of the pages that are shown while it is away. */
const MAX_PAGES = 2 ** 25;

const lengthOf = (text: string): number => text.length;

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
  readonly #totals = new Kept<TotalsText>({
    ...{ most: MAX_TOTALS, sizeOf: lengthOf, patienceMs: PATIENCE_MS },
  });
  readonly #hosts = new Kept<readonly string[]>({
    ...{ most: MAX_HOST_LISTS, patienceMs: PATIENCE_MS },
  });
  /** Each as JSON. */
  readonly #pages = new Kept<string>({ most: MAX_PAGES, sizeOf: lengthOf });
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
    return totalsIn(await this.#page('total', () => readTotals(this.context())));
  }

  hosts(most = this.options.maxHosts): Promise<readonly string[]> {
    const { maxHosts } = this.options;
    const limit = Math.min(most, maxHosts);
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

  /** What `work` comes to, which must be what JSON can hold. */
  async #page<T>(key: string, work: () => Work<T>): Promise<T> {
    const text = await this.#latest(this.#pages, key, () => jsonOf(work()));
    return (text === undefined ? undefined : JSON.parse(text)) as T;
  }

  /** What is read now; what was read before where that fails. @throws StoreError. */
  async #latest<T, R extends T | undefined>(
    kept: Kept<T>,
    key: string,
    work: () => Work<R>,
  ): Promise<R> {
    if (this.#isAway && kept.has(key)) {
      this.#tryAgain().catch(() => undefined);
      return kept.get(key) as R;
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

function* jsonOf(work: Work<unknown>): Work<string | undefined> {
  return JSON.stringify(yield* work);
}

function* readShared(before: SharedSummary): Work<SharedSummary> {
  const meta = yield* rows(`SELECT key, value FROM meta WHERE key IN ('commits', 'first_pass')`);
  const values = new Map(meta.map(({ key, value }) => [key, text(value)]));
  const [commits, isPassed] = [values.get('commits') ?? null, values.has('first_pass')];
  const summary = commits === before.commits ? before : yield* readSummary();
  return { ...summary, commits, isPassed };
}
