// What metrics, page and command line read of the ledger. All of it is committed.

import type { FailureReason } from '../failure.ts';
import type { CountedCrash, Crash } from './crash.ts';
import type { RecordedFailure } from './recent-failures.ts';
import type { CrashFilter, CrashSelection } from '../selection.ts';
import { STORE_PROBLEMS, type StoreError, type StoreProblem } from './store-error.ts';
import type { Totals } from './totals.ts';

export type LedgerState =
  { readonly kind: 'ready' } | { readonly kind: StoreProblem; readonly message: string };

/** Every kind of state: a closed list, for it is a metric label. */
export const LEDGER_STATES = [
  'ready',
  ...STORE_PROBLEMS,
] as const satisfies readonly LedgerState['kind'][];

/** How the writing and reading go. */
export interface LedgerStatus {
  readonly state: LedgerState;
  /** Transactions since the start. */
  readonly writes: number;
  readonly writeFailures: number;
  /** Damaged ledgers that lie beside this one. */
  readonly setAside: number;
  /**
   * Whether what the first pass over the directories found is durable; true as well when it is over
   * and cannot be written. Before that a counter that is shown may jump by crashes of long ago.
   * Directories that do not answer are not waited for, unless the ledger holds no crash: then nothing
   * could be shown but zeros, which they may prove wrong.
   */
  readonly isFirstPassRecorded: boolean;
}

/** How many hosts have totals of their own, and may have. */
export interface HostCounts {
  readonly tracked: number;
  readonly limit: number;
  /** Hosts beyond the limit. */
  readonly dropped: number;
}

/** When a file was last counted as a failure. */
export interface LastFailure {
  readonly reason: FailureReason;
  /** The host that the path names; undefined where it names none. */
  readonly host: string | undefined;
  /** Unix seconds; 0 = never. */
  readonly recordedSeconds: number;
}

/** The crashes of one page of a selection. */
export interface CrashPage {
  /** In the order that was asked for. */
  readonly crashes: readonly Crash[];
  /** Those that match, on whatever page. */
  readonly matching: number;
}

/** Crashes of one signature. */
export interface SignatureGroup {
  /** Digest of the signature. */
  readonly signature: string;
  /** The newest crash with it. */
  readonly newest: CountedCrash;
  readonly crashes: number;
  readonly hosts: number;
  readonly kernels: number;
  /** Models of those machines that are known. */
  readonly models: number;
  /** Crashes whose log names no machine. */
  readonly unnamed: number;
  /** Crashes in, or shortly after, a hardware error. */
  readonly ofHardware: number;
}

/** The signatures of one page of a selection, with their crashes counted. */
export interface SignaturePage {
  /** Those with most crashes first. */
  readonly groups: readonly SignatureGroup[];
  /** Signatures on all pages. */
  readonly signatures: number;
  /** Crashes that are selected, and of which no log says what the kernel died of. */
  readonly unsigned: number;
}

/** At once where it is on a disk of this machine; later where others keep it. */
type Soon<T> = T | Promise<T>;

/**
 * What is committed. Where that cannot be read: counts and totals as they were read last; a StoreError where
 * they were not, and of what names a crash or lists some. A database that is away is asked for no page that
 * it gave lately.
 */
export interface LedgerView {
  /** Whether anything was read of it; before that its counts are no numbers to show. */
  readonly isRead: boolean;
  /** Why what is shown may be older than what is committed; undefined: it is not. */
  readonly problem: StoreError | undefined;
  /** Over every crash, of whatever host. */
  total(): Soon<Totals>;
  /** How many crashes are recorded. */
  crashCount(): number;
  /**
   * Names of the hosts that have totals, in the order in which they became known.
   *
   * @param most more are not needed.
   */
  hosts(most?: number): Soon<readonly string[]>;
  /** The totals of one host, found by index; undefined where no crash is of it, and beyond the limit. */
  hostTotals(host: string): Soon<Totals | undefined>;
  hostCounts(): HostCounts;
  /** Files that gave no counters though they should have, by reason; each content once. */
  failures(): Readonly<Partial<Record<FailureReason, number>>>;
  /** By reason where no host is known, whether there was one or not; and by reason and host. */
  lastFailures(): readonly LastFailure[];
  /** Files of kernels that keep no counters; each content once. */
  dumpsWithoutHwerr(): number;
  /** The newest files that gave no counters since the start, oldest first; without those that recovered. */
  recentFailures(): Iterable<RecordedFailure>;
  /** Every crash that is selected, newest first; read a few at a time as they are walked. */
  crashes(filter?: CrashFilter): Iterable<Crash> | AsyncIterable<Crash>;
  /** Found by index, however many crashes there are. */
  select(selection: CrashSelection): Soon<CrashPage>;
  /** The same crashes by what they died of. */
  signatures(selection: CrashSelection): Soon<SignaturePage>;
  crash(id: string): Soon<Crash | undefined>;
}
