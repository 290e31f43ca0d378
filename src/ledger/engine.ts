// What keeps a ledger: SQLite in a directory (sqlite-engine.ts), or a PostgreSQL database that several
// collectors share (postgres-engine.ts). ledger.ts decides what is written when.

import type { HostRule } from './host-name.ts';
import type { LedgerView } from './ledger-view.ts';
import type { Batch, Change } from './record.ts';
import type { RecentFailures } from './recent-failures.ts';
import type { StoreError } from './store-error.ts';

/** How many hosts are kept apart, what unnamed ones are called, and the wall clock. */
export interface ReaderOptions {
  /** Hosts with totals of their own. Crashes of further hosts are recorded, and in the total. */
  readonly maxHosts: number;
  readonly hostRule: Pick<HostRule, 'fallback'>;
  readonly nowMs: () => number;
}

/** What a file was that needs no second look, not even by the next version of this program. */
export type FileResult = 'complete' | 'incomplete';

/** A file in one state. */
export interface ClaimedFile {
  readonly root: string;
  readonly path: string;
  readonly version: string;
}

/** `ours`: to be decoded here; `taken`: another collector does; otherwise what became of it. */
export type Claim = 'ours' | 'taken' | FileResult;

/** How collectors share the files that are to be decoded. */
export interface Claims {
  /** @returns what came of claiming each. @throws StoreError. */
  take(files: readonly ClaimedFile[]): Promise<readonly Claim[]>;
  /** They are decoded, or are not going to be. */
  giveBack(files: readonly ClaimedFile[]): Promise<void>;
}

/** A ledger that one daemon writes. No two of its methods that write are called at a time. */
export interface Engine<View extends LedgerView = LedgerView> {
  /** Names the ledger in messages. */
  readonly name: string;
  /** The longest time between two looks at what others did. */
  readonly lookMs: number;
  /** What is durable. */
  readonly view: View;
  /** Of this process: for people to see, and on no disk. */
  readonly failures: RecentFailures;
  /** Damaged ledgers that lie beside this one. */
  readonly setAside: number;
  /** Whether the first pass over the directories was recorded before, by any of those who share it. */
  readonly isPassedBefore: boolean;
  /** undefined: there is only this collector. */
  readonly claims: Claims | undefined;
  /**
   * Show what is there, and get ready to write.
   *
   * @param changed called, until it is closed, when others may have done something: a look is due.
   * @returns why it cannot be written, for now; undefined: it can.
   * @throws StoreError when it is in use, of a later version, or there and cannot be shown.
   */
  open(changed: () => void): Promise<StoreError | undefined>;
  /** Get ready to write after a failure. @throws StoreError. */
  recover(): Promise<void>;
  /** Write a batch; when it is durable, show it. @throws StoreError. */
  write(batch: Batch): Promise<readonly Change[]>;
  /**
   * Look at what others did. Not while it is written.
   *
   * @param isPassed the first pass over the directories is recorded.
   * @throws StoreError.
   */
  look(isPassed: boolean): Promise<void>;
  /** What became of a file in this state, if that is known here and needs no second look. */
  resultOf(root: string, path: string, version: string): FileResult | undefined;
  /** Paths of the files of a directory that it knows; where others write it too, of those that vanished here. */
  forgettable(root: string, vanished: readonly string[]): readonly string[];
  close(): Promise<void>;
}
