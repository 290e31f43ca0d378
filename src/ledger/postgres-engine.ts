// A ledger in a PostgreSQL database that any number of collectors write and read.

import type { Claims, Engine, ReaderOptions } from './engine.ts';
import { Postgres } from './postgres.ts';
import { ClaimTable } from './postgres-claims.ts';
import { PostgresView } from './postgres-view.ts';
import { RecentFailures } from './recent-failures.ts';
import { type Batch, type Change, recordBatch } from './record.ts';
import { type Work, run } from './statements.ts';
import { StoreError } from './store-error.ts';

/** A shared ledger. */
export class PostgresEngine implements Engine<PostgresView> {
  readonly failures = new RecentFailures();
  readonly view: PostgresView;
  readonly setAside = 0;
  readonly lookMs = 2000;
  readonly claims: Claims = {
    take: (files) => this.#database.do(this.#claims.take(files)),
    // Errors are ignored: a claim expires by itself.
    giveBack: (files) => this.#database.do(this.#claims.giveBack(files)).catch(() => undefined),
  };
  readonly #claims = new ClaimTable();
  readonly #database: Postgres;

  /** @param url of the database, as libpq accepts it. */
  constructor(url: string, options: ReaderOptions) {
    this.#database = new Postgres(url);
    this.view = new PostgresView(this.#database, options, this.failures);
  }

  get name(): string {
    return this.#database.name;
  }

  get isPassedBefore(): boolean {
    return this.view.isPassed;
  }

  /** If the database is unreachable, the daemon starts anyway, with nothing to show. */
  async open(): Promise<StoreError | undefined> {
    try {
      await this.recover();
      return undefined;
    } catch (error) {
      const problem = StoreError.from(this.name, error);
      if (problem.problem === 'newer' || problem.problem === 'damaged') throw problem;
      return problem;
    }
  }

  async recover(): Promise<void> {
    await this.#database.migrate();
    await this.view.refresh();
  }

  async write(batch: Batch): Promise<readonly Change[]> {
    const changes = await this.#database.write(recordCounted(batch));
    await this.view.refresh();
    return changes;
  }

  async look(isPassed: boolean): Promise<void> {
    if (isPassed && !this.view.isPassed) {
      const passed = `INSERT INTO meta VALUES ('first_pass', 'over') ON CONFLICT DO NOTHING`;
      await this.#database.write(run(passed));
    }
    await this.#database.do(this.#claims.renew());
    await this.view.refresh();
  }

  resultOf(): undefined {
    return undefined;
  }

  /** Another collector may have a different directory of this name: only files seen here can be removed. */
  forgettable(_root: string, vanished: readonly string[]): readonly string[] {
    return vanished;
  }

  hurry(): void {
    this.#database.hurry();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** Records a batch and counts it, so that other collectors notice that something changed. */
function* recordCounted(batch: Batch): Work<Change[]> {
  yield* run(
    `INSERT INTO meta VALUES ('commits', '1')
       ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS INTEGER) + 1 AS TEXT)`,
  );
  return yield* recordBatch(batch);
}
