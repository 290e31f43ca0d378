// All that is kept in memory of the crashes: sums over all of them, and over those of each host.

import type { FailureReason } from '../failure.ts';
import { StoreError } from './store-error.ts';
import { RunningSummary } from './summary.ts';
import { type Change, type Counters, type Tables, counters } from './tables.ts';

export interface SumsOptions {
  readonly suspectWindowSeconds: number;
  readonly maxHosts: number;
}

export class Sums {
  readonly #options: SumsOptions;
  readonly total: RunningSummary;
  readonly byHost: Map<string, RunningSummary> = new Map<string, RunningSummary>();
  knownHosts = 0;
  failures: Readonly<Partial<Record<FailureReason, number>>> = {};
  withoutHwerr = 0;

  constructor(options: SumsOptions) {
    this.#options = options;
    this.total = new RunningSummary(options.suspectWindowSeconds);
  }

  /**
   * The sums over a whole ledger, one record at a time.
   *
   * @throws StoreError `damaged` when records are broken or missing.
   */
  static of(tables: Tables, options: SumsOptions): Sums {
    const sums = new Sums(options);
    const hosts = [...tables.hosts.entries()].sort(([, a], [, b]) => a - b);
    for (const [name, number] of hosts) sums.#addHost(name, number);
    const state = counters(tables);
    sums.change([], state);
    let crashes = 0;
    for (const [, after] of tables.crashes.entries()) {
      crashes++;
      sums.#changeCrash({ before: undefined, after });
    }
    if (crashes === state.crashes) return sums;
    throw new StoreError('damaged', `crashes: got ${crashes} records, want ${state.crashes}`);
  }

  /** Take in what was committed. */
  change(changes: readonly Change[], { failures, withoutHwerr }: Counters): void {
    for (const { newHost, crash } of changes) {
      if (newHost !== undefined) this.#addHost(newHost.name, newHost.number);
      if (crash !== undefined) this.#changeCrash(crash);
    }
    this.failures = failures;
    this.withoutHwerr = withoutHwerr;
  }

  #addHost(name: string, number: number): void {
    this.knownHosts++;
    if (number >= this.#options.maxHosts) return;
    this.byHost.set(name, new RunningSummary(this.#options.suspectWindowSeconds));
  }

  #changeCrash({ before, after }: NonNullable<Change['crash']>): void {
    this.total.change(before, after);
    this.byHost.get(after.host)?.change(before, after);
  }
}
