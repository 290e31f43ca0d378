// Reads the ledger of a directory for metrics, pages and commands: by index, on demand, and again only after a
// commit.

import type { Logger } from '../log.ts';
import type { Crash } from './crash.ts';
import { eachCrash } from './read-crashes.ts';
import type { FileResult, ReaderOptions } from './engine.ts';
import { readProblem } from './files.ts';
import { readHosts } from './hosts.ts';
import { Cache } from './cache.ts';
import type { CrashPage, LedgerView, SignaturePage } from './ledger-view.ts';
import type { GoneFile } from './record.ts';
import { crashOfId, selectCrashes, selectSignatures } from './selection.ts';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { RecentFailures } from './recent-failures.ts';
import type { Work } from './statements.ts';
import type { Store } from './store.ts';
import { StoreError } from './store-error.ts';
import {
  NO_LEDGER_TOTALS,
  type LedgerTotals,
  LedgerTotalsView,
  readLedgerTotals,
} from './ledger-totals.ts';
import { NO_CRASHES, type TotalsText, readHostTotals, readTotals, totalsIn } from './total-rows.ts';
import type { Totals } from './totals.ts';

/** Maximum number of characters of cached totals; a host takes 3,000, more with long log lines. */
const MAX_TOTALS = 2 ** 25;
/**
 * Maximum number of cached answers about the whole ledger: its totals, those of all crashes, host lists for /sd and a
 * form.
 */
const MAX_WHOLE = 4;

/** A cached answer, and the state it was read from. `readMs` matters for totals, which leave out old crashes. */
interface Answer {
  readonly store: Store;
  readonly dataVersion: number;
  readonly readMs: number;
  readonly value: unknown;
}

interface LedgerReaderOptions extends ReaderOptions {
  readonly directory: string;
  readonly showsTotal?: boolean;
  readonly log: Logger;
}

/** Reads one ledger. If it cannot be read, metrics show the last values read. */
export class LedgerReader extends LedgerTotalsView implements LedgerView {
  readonly isRead = true;
  readonly #whole = new Cache<Answer>({ maxSize: MAX_WHOLE });
  readonly #totals = new Cache<Answer>({
    ...{ maxSize: MAX_TOTALS, sizeOf: ({ value }) => (value as TotalsText).length },
  });
  readonly #directory: string;
  readonly #showsTotal: boolean;
  readonly #log: Logger;
  #store: Store | undefined;
  /** The key whose failed read was logged, and the reason. */
  #failing: { readonly key: string; readonly problem: StoreError } | undefined;

  constructor(options: LedgerReaderOptions, failures: RecentFailures) {
    super(options, failures);
    this.#directory = options.directory;
    this.#showsTotal = options.showsTotal ?? false;
    this.#log = options.log;
  }

  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  override get problem(): StoreError | undefined {
    return this.#failing?.problem;
  }

  /** Whether a statement failed. */
  get hasFailed(): boolean {
    return this.#store?.hasFailed ?? false;
  }

  /** Switches to this ledger and closes the previous one. @throws StoreError if it cannot be read. */
  show(store: Store): void {
    this.#read(store, this.#whole, 'ledger', readLedgerTotals);
    if (this.#showsTotal) this.#read(store, this.#whole, 'total', () => readTotals(this.context()));
    this.#store?.close();
    this.#store = store;
  }

  close(): void {
    this.#store?.close();
    this.#store = undefined;
  }

  protected ledgerTotals(): LedgerTotals {
    return this.#latest(this.#whole, 'ledger', readLedgerTotals) ?? NO_LEDGER_TOTALS;
  }

  /** @throws StoreError if it cannot be read and no earlier value is cached. */
  total(): Totals {
    const text = this.#latest(this.#whole, 'total', () => readTotals(this.context()));
    return text === undefined ? NO_CRASHES : totalsIn(text);
  }

  /** @throws StoreError as total() does. */
  hosts(max = this.options.maxHosts): readonly string[] {
    const { maxHosts } = this.options;
    const limit = Math.min(max, maxHosts);
    return this.#latest(this.#whole, `hosts ${limit}`, () => readHosts(maxHosts, limit)) ?? [];
  }

  /** @throws StoreError as total() does. */
  hostTotals(host: string): Totals | undefined {
    const text = this.#latest(this.#totals, host, () => readHostTotals(host, this.context()));
    return text === undefined ? undefined : totalsIn(text);
  }

  *crashes(filter: CrashFilter = {}): Generator<Crash> {
    if (this.#store !== undefined) yield* eachCrash(this.#store, filter);
  }

  select(selection: CrashSelection): CrashPage {
    return this.#store?.snapshot(selectCrashes(selection)) ?? { crashes: [], matching: 0 };
  }

  signatures(selection: CrashSelection): SignaturePage {
    const none = { groups: [], signatures: 0, unsigned: 0 };
    return this.#store?.snapshot(selectSignatures(selection)) ?? none;
  }

  crash(id: string): Crash | undefined {
    return this.#store?.snapshot(crashOfId(id));
  }

  /** Returns the result of this version of a file, if it is known and final. */
  resultOf({ root, path }: GoneFile, version: string): FileResult | undefined {
    const known = this.#store?.row('SELECT version, result FROM file WHERE root = ? AND path = ?', [
      root,
      path,
    ]);
    return known?.['version'] === version ? (known['result'] as FileResult) : undefined;
  }

  /** Returns the paths of the files of a directory with known results. */
  knownFiles(root: string): string[] {
    const rows = this.#store?.rows('SELECT path FROM file WHERE root = ?', [root]) ?? [];
    return rows.map(({ path }) => String(path));
  }

  /** Returns what is committed; if it cannot be read, the cached value. @throws StoreError. */
  #latest<T>(cache: Cache<Answer>, key: string, work: () => Work<T>): T | undefined {
    const known = cache.get(key);
    const store = this.#store;
    if (store === undefined) return known?.value as T | undefined;
    try {
      const isCurrent =
        known?.store === store &&
        known.dataVersion === store.dataVersion &&
        known.readMs <= this.options.nowMs(); // otherwise the clock was set back
      const value = isCurrent ? (known.value as T) : this.#read(store, cache, key, work);
      if (this.#failing?.key === key) this.#failing = undefined;
      return value;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (this.#failing === undefined) {
        const problem = readProblem(this.#directory, error);
        this.#log.error('ledger cannot be read, showing the data read last', {
          error: problem.message,
        });
        this.#failing = { key, problem };
      }
      if (known === undefined) throw error;
      return known.value as T;
    }
  }

  /** @throws StoreError. */
  #read<T>(store: Store, cache: Cache<Answer>, key: string, work: () => Work<T>): T {
    const { dataVersion } = store; // taken before reading, so that later commits are noticed
    const readMs = this.options.nowMs();
    const value = store.snapshot(work());
    cache.set(key, value === undefined ? undefined : { store, dataVersion, readMs, value });
    return value;
  }
}
