// What metrics, pages and commands read from the ledger. All of it is committed.

import type { FailureReason } from '../failure.ts';
import type { CountedCrash, Crash } from './crash.ts';
import type { RecordedFailure } from './recent-failures.ts';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import { STORE_PROBLEMS, type StoreError, type StoreProblem } from './store-error.ts';
import type { Totals } from './totals.ts';

export type LedgerState =
  { readonly kind: 'ready' } | { readonly kind: StoreProblem; readonly message: string };

/** All kinds of states; a closed list, because it is a metric label. */
export const LEDGER_STATES = [
  'ready',
  ...STORE_PROBLEMS,
] as const satisfies readonly LedgerState['kind'][];

/** The state of writing and reading. */
export interface LedgerStatus {
  readonly state: LedgerState;
  /** Number of transactions since the start. */
  readonly writes: number;
  readonly writeFailures: number;
  /** Number of damaged ledgers set aside beside this one. */
  readonly setAside: number;
  /**
   * Whether the crashes found in the first pass over the directories are durable; also true if the pass is
   * over but cannot be written. Before that, counters may jump by old crashes. Unresponsive directories are
   * not waited for, unless the ledger has no crash: only zeros could be shown then, which their dumps may
   * contradict.
   */
  readonly isFirstPassRecorded: boolean;
}

/** Number of hosts with their own totals, and its limit. */
export interface HostCounts {
  readonly tracked: number;
  readonly limit: number;
  /** Hosts beyond the limit. */
  readonly dropped: number;
}

/** The time of the last failure of one reason and host. */
export interface LastFailure {
  readonly reason: FailureReason;
  /** The host in the path; undefined if there is none. */
  readonly host: string | undefined;
  /** Unix seconds; 0 = never. */
  readonly recordedSeconds: number;
}

/** One page of the selected crashes. */
export interface CrashPage {
  /** In the selected order. */
  readonly crashes: readonly Crash[];
  /** Number of selected crashes on all pages. */
  readonly matching: number;
}

/** The crashes with one signature. */
export interface SignatureGroup {
  /** Digest of the signature. */
  readonly signature: string;
  /** The newest crash with it. */
  readonly newest: CountedCrash;
  readonly crashes: number;
  readonly hosts: number;
  readonly kernels: number;
  /** Number of known models. */
  readonly models: number;
  /** Crashes whose log does not name the machine. */
  readonly unnamed: number;
  /** Crashes in, or shortly after, a hardware error. */
  readonly ofHardware: number;
}

/** One page of the signatures of the selected crashes. */
export interface SignaturePage {
  /** Those with most crashes first. */
  readonly groups: readonly SignatureGroup[];
  /** Number of signatures on all pages. */
  readonly signatures: number;
  /** Number of selected crashes without a signature, because no log says what the kernel died of. */
  readonly unsigned: number;
}

/** Synchronous if the ledger is on a local disk, a promise if it is in a database. */
type Soon<T> = T | Promise<T>;

/**
 * What is committed. If the ledger cannot be read, counts and totals are the last ones read; a StoreError is
 * thrown if there are none, and for crashes and lists of crashes. While a database is unreachable, recently
 * read pages are answered from a cache.
 */
export interface LedgerView {
  /** Whether anything was read yet; until then counts must not be shown. */
  readonly isRead: boolean;
  /** Why the shown data may be older than what is committed; undefined if it is not. */
  readonly problem: StoreError | undefined;
  /** Returns the totals over the crashes of all hosts. */
  total(): Soon<Totals>;
  /** Returns the number of recorded crashes. */
  crashCount(): number;
  /**
   * Returns the names of hosts with totals, in the order in which they were recorded.
   *
   * @param limit maximum number of names.
   */
  hosts(limit?: number): Soon<readonly string[]>;
  /** Returns the totals of one host; undefined if it has no crash or is beyond the limit. Uses an index. */
  hostTotals(host: string): Soon<Totals | undefined>;
  hostCounts(): HostCounts;
  /** Returns the number of files that should have counters but gave none, by reason; each content counts once. */
  failures(): Readonly<Partial<Record<FailureReason, number>>>;
  /**
   * Returns one entry per reason for files without a host in their path, even if there was none; then by
   * reason and host.
   */
  lastFailures(): readonly LastFailure[];
  /** Returns the number of files of kernels without counters; each content counts once. */
  dumpsWithoutHwerr(): number;
  /** Returns the newest failures since the start, oldest first, without files that recovered. */
  recentFailures(): Iterable<RecordedFailure>;
  /** Iterates over the selected crashes, newest first; reads a few at a time. */
  crashes(filter?: CrashFilter): Iterable<Crash> | AsyncIterable<Crash>;
  /** Returns one page of crashes. Uses an index, however many crashes there are. */
  select(selection: CrashSelection): Soon<CrashPage>;
  /** Returns the selected crashes grouped by signature. */
  signatures(selection: CrashSelection): Soon<SignaturePage>;
  /** Returns a crash by its published id; undefined if there is none. */
  crash(id: string): Soon<Crash | undefined>;
}
