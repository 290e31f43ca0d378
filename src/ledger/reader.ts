// Reads the ledger of a directory for metrics, page and command line: by index, when it is asked for, and
// again only when something was committed since.

import type { Logger } from '../log.ts';
import type { Crash } from './crash.ts';
import { eachCrash } from './read-crashes.ts';
import type { FileResult, ReaderOptions } from './engine.ts';
import { readProblem } from './files.ts';
import { readHosts } from './hosts.ts';
import { Kept } from './kept.ts';
import type { CrashPage, LedgerView, SignaturePage } from './ledger-view.ts';
import type { GoneFile } from './record.ts';
import { crashOfId, selectCrashes, selectSignatures } from './selection.ts';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { RecentFailures } from './recent-failures.ts';
import type { Work } from './statements.ts';
import type { Store } from './store.ts';
import { StoreError } from './store-error.ts';
import { NOTHING, type Summary, SummaryView, readSummary } from './summary.ts';
import { NO_CRASHES, type TotalsText, readHostTotals, readTotals, totalsIn } from './total-rows.ts';
import type { Totals } from './totals.ts';

/** Characters of the totals that are kept: a host takes 3,000, or more where its logs are long. */
const MAX_TOTALS = 2 ** 25;
/** Answers that are kept of the ledger as a whole: its numbers, and lists of hosts for /sd and a form. */
const MAX_WHOLE = 4;

/** What was read, of which state of which connection, and when: totals lack what was too old by then. */
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

/** Shows one ledger. Where it cannot be read, what is in metrics is what was read last. */
export class LedgerReader extends SummaryView implements LedgerView {
  readonly isRead = true;
  readonly #whole = new Kept<Answer>({ most: MAX_WHOLE });
  readonly #totals = new Kept<Answer>({
    ...{ most: MAX_TOTALS, sizeOf: ({ value }) => (value as TotalsText).length },
  });
  readonly #directory: string;
  readonly #showsTotal: boolean;
  readonly #log: Logger;
  #store: Store | undefined;
  /** What could not be read, since it was said in the log, and why. */
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

  /** Whether reading it failed. */
  get hasFailed(): boolean {
    return this.#store?.hasFailed ?? false;
  }

  /** Show this ledger from now on, and close the one before. @throws StoreError when it cannot be read. */
  show(store: Store): void {
    this.#read(store, this.#whole, 'summary', readSummary);
    if (this.#showsTotal) this.#read(store, this.#whole, 'total', () => readTotals(this.context()));
    this.#store?.close();
    this.#store = store;
  }

  close(): void {
    this.#store?.close();
    this.#store = undefined;
  }

  protected summary(): Summary {
    return this.#latest(this.#whole, 'summary', readSummary) ?? NOTHING;
  }

  /** @throws StoreError when it cannot be read, and was not before. */
  total(): Totals {
    const text = this.#latest(this.#whole, 'total', () => readTotals(this.context()));
    return text === undefined ? NO_CRASHES : totalsIn(text);
  }

  /** @throws StoreError as total() does. */
  hosts(most = this.options.maxHosts): readonly string[] {
    const { maxHosts } = this.options;
    const limit = Math.min(most, maxHosts);
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

  /** What is committed; where it cannot be read, what was read before. @throws StoreError. */
  #latest<T>(kept: Kept<Answer>, key: string, work: () => Work<T>): T | undefined {
    const known = kept.get(key);
    const store = this.#store;
    if (store === undefined) return known?.value as T | undefined;
    try {
      const isCurrent =
        known?.store === store &&
        known.dataVersion === store.dataVersion &&
        known.readMs <= this.options.nowMs(); // later: the clock was set back since
      const value = isCurrent ? (known.value as T) : this.#read(store, kept, key, work);
      if (this.#failing?.key === key) this.#failing = undefined;
      return value;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (this.#failing === undefined) {
        const problem = readProblem(this.#directory, error);
        this.#log.error('ledger cannot be read, what was read of it last is shown', {
          error: problem.message,
        });
        this.#failing = { key, problem };
      }
      if (known === undefined) throw error;
      return known.value as T;
    }
  }

  /** @throws StoreError. */
  #read<T>(store: Store, kept: Kept<Answer>, key: string, work: () => Work<T>): T {
    const { dataVersion } = store; // before: what is committed meanwhile is read again
    const readMs = this.options.nowMs();
    const value = store.snapshot(work());
    kept.keep(key, value === undefined ? undefined : { store, dataVersion, readMs, value });
    return value;
  }
}
