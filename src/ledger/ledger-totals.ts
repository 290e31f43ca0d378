// Totals over a whole ledger, which every scrape and page shows.

import type { FailureReason } from '../failure.ts';
import { number } from './crash-rows.ts';
import type { ReaderOptions } from './engine.ts';
import {
  type FailureTotals,
  dumpsWithoutHwerrOf,
  failuresOf,
  readFailureTotals,
} from './failure-totals.ts';
import { LastFailures, readLastFailures } from './last-failures.ts';
import type { HostCounts, LastFailure } from './ledger-view.ts';
import type { RecentFailures, RecordedFailure } from './recent-failures.ts';
import { type Work, select, together } from './statements.ts';
import type { StoreError } from './store-error.ts';
import type { TotalsContext } from './total-rows.ts';

/** Totals over a whole ledger. */
export interface LedgerTotals {
  readonly crashes: number;
  readonly hosts: number;
  readonly counted: FailureTotals;
  readonly lastFailures: LastFailures;
}

/** The totals of an empty ledger. */
export const NO_LEDGER_TOTALS: LedgerTotals = {
  ...{ crashes: 0, hosts: 0, counted: new Map() },
  lastFailures: new LastFailures(),
};

/** Reads the totals. Crashes and hosts are numbered from 1 without gaps. */
export function* readLedgerTotals(): Work<LedgerTotals> {
  const [crashes, hosts] = yield* together([
    select('SELECT max(sequence) AS last FROM crash'),
    select('SELECT max(number) AS last FROM host'),
  ]);
  return {
    crashes: number(crashes?.rows[0]?.['last']) ?? 0,
    hosts: number(hosts?.rows[0]?.['last']) ?? 0,
    counted: yield* readFailureTotals(),
    lastFailures: yield* readLastFailures(),
  };
}

/** The part of a view that shows the totals of a ledger, for all kinds of storage. */
export abstract class LedgerTotalsView {
  protected readonly options: ReaderOptions;
  readonly #failures: RecentFailures;

  constructor(options: ReaderOptions, failures: RecentFailures) {
    this.options = options;
    this.#failures = failures;
  }

  /** Why the shown data may be older than what is committed; undefined if it is not. */
  get problem(): StoreError | undefined {
    return undefined;
  }

  /** Returns the last committed totals that could be read. */
  protected abstract ledgerTotals(): LedgerTotals;

  /** Returns the parameters of totals that are read now. */
  protected context(): TotalsContext {
    const { hostRule, maxHosts, nowMs } = this.options;
    return { fallback: hostRule.fallback, maxHosts, nowSeconds: Math.floor(nowMs() / 1000) };
  }

  crashCount(): number {
    return this.ledgerTotals().crashes;
  }

  hostCounts(): HostCounts {
    const { maxHosts: limit } = this.options;
    const { hosts } = this.ledgerTotals();
    const tracked = Math.min(hosts, limit);
    return { tracked, limit, dropped: hosts - tracked };
  }

  failures(): Readonly<Partial<Record<FailureReason, number>>> {
    return failuresOf(this.ledgerTotals().counted);
  }

  lastFailures(): readonly LastFailure[] {
    return this.ledgerTotals().lastFailures.values();
  }

  dumpsWithoutHwerr(): number {
    return dumpsWithoutHwerrOf(this.ledgerTotals().counted);
  }

  recentFailures(): Iterable<RecordedFailure> {
    return this.#failures.values();
  }
}
