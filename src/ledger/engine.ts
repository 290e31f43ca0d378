// The storage of a ledger: SQLite in a directory (sqlite-engine.ts), or a PostgreSQL database shared by several
// collectors (postgres-engine.ts). ledger.ts decides what is written when.

import type { HostRule } from './host-name.ts';
import type { LedgerView } from './ledger-view.ts';
import type { Batch, Change } from './record.ts';
import type { RecentFailures } from './recent-failures.ts';
import type { StoreError } from './store-error.ts';

/** Settings of a reader: the limit on hosts, the name of unnamed ones, and the wall clock. */
export interface ReaderOptions {
  /** Number of hosts with their own totals. Crashes of other hosts are recorded and counted in the total. */
  readonly maxHosts: number;
  readonly hostRule: Pick<HostRule, 'fallback'>;
  readonly nowMs: () => number;
}

/** Result of a file that never needs to be decoded again, even by a later version of this program. */
export type FileResult = 'complete' | 'incomplete';

/** One version of a file. */
export interface ClaimedFile {
  readonly root: string;
  readonly path: string;
  readonly version: string;
}

/** `ours`: to be decoded here; `taken`: another collector decodes it; otherwise its known result. */
export type Claim = 'ours' | 'taken' | FileResult;

/** Distributes files among collectors that share a ledger. */
export interface Claims {
  /** Claims files. @returns the answer for each. @throws StoreError. */
  take(files: readonly ClaimedFile[]): Promise<readonly Claim[]>;
  /** Releases the claims on files that were decoded or will not be. */
  giveBack(files: readonly ClaimedFile[]): Promise<void>;
}

/** A ledger written by one daemon. Methods that write are never called concurrently. */
export interface Engine<View extends LedgerView = LedgerView> {
  /** Names the ledger in messages. */
  readonly name: string;
  /** Maximum time between two checks for changes by others. */
  readonly lookMs: number;
  /** Shows what is committed. */
  readonly view: View;
  /** Failures of this process, shown to people and not stored. */
  readonly failures: RecentFailures;
  /** Number of damaged ledgers set aside beside this one. */
  readonly setAside: number;
  /** Whether any collector of this ledger has already recorded a complete first pass. */
  readonly isPassedBefore: boolean;
  /** undefined: only this collector uses the ledger. */
  readonly claims: Claims | undefined;
  /**
   * Opens the ledger for reading, and for writing if possible.
   *
   * @param changed called, until it is closed, when others may have changed something and look() is due.
   * @returns why the ledger cannot be written for now; undefined if it can.
   * @throws StoreError if it is in use, of a later version, or exists but cannot be read.
   */
  open(changed: () => void): Promise<StoreError | undefined>;
  /** Prepares for writing again after a failure. @throws StoreError. */
  recover(): Promise<void>;
  /** Writes a batch; shows it when it is durable. @throws StoreError. */
  write(batch: Batch): Promise<readonly Change[]>;
  /**
   * Checks for changes by others. Never called during a write.
   *
   * @param isPassed whether the first pass over the directories is recorded.
   * @throws StoreError.
   */
  look(isPassed: boolean): Promise<void>;
  /** Returns the result of this version of a file, if it is known and final. */
  resultOf(root: string, path: string, version: string): FileResult | undefined;
  /**
   * Returns known paths in a directory that may be removed; if others write the ledger too, only `vanished`
   * ones.
   */
  forgettable(root: string, vanished: readonly string[]): readonly string[];
  /** The process ends: from now on, writing waits for other writers once only. */
  hurry?(): void;
  close(): Promise<void>;
}
