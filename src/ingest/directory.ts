// One watched directory: scanned after events, when a file is due, and at the latest after the rescan
// time. Each is scanned independently, so that one that hangs (NFS) does not delay the others.

import { messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { hintOn } from './permission-hint.ts';
import type { ScanResult } from './scan.ts';
import type { Scanner } from './scanner.ts';
import { type Watcher, watchDirectory } from './watcher.ts';

/** Events come in bursts. If a scan begins within this time of one, another scan follows, as more may come. */
const BURST_MS = 200;
/** Minimum pause between scans, as a multiple of the duration of the last one. */
const PAUSE_FACTOR = 4;
/** A longer scan is logged: the directory is large, or hangs. */
const LONG_MS = 60_000;

/** The state of a dump directory after its last scan. */
export interface DirectoryStatus {
  readonly directory: string;
  readonly up: boolean;
  /** Unix seconds; 0 before the first scan. */
  readonly lastScanSeconds: number;
  readonly scanDurationSeconds: number;
}

/** The directory, its scanner, and the longest time between two scans, ms. */
export interface DirectoryOptions {
  readonly directory: string;
  readonly scan: Scanner;
  readonly rescanMs: number;
}

/** Clocks, the log, and the receiver of scan results. */
export interface DirectoryDependencies {
  readonly log: Logger;
  /** Wall clock, ms. */
  readonly nowMs: () => number;
  /** Monotonic clock, ms. */
  readonly monotonicMs: () => number;
  /** Called with the result of each scan. */
  readonly found: (result: ScanResult) => void;
  /** Called with the error of a failed scan. */
  readonly notScanned: (error: unknown) => void;
  /** Returns when the next file that is not queued yet will be due, by the monotonic clock; undefined: none. */
  readonly nextDueMs: (nowMs: number) => number | undefined;
}

/** Scans one directory repeatedly: soon after events, otherwise at long intervals. */
export class WatchedDirectory {
  readonly #options: DirectoryOptions;
  readonly #dependencies: DirectoryDependencies;
  /** Time of the last event that calls for a scan, by the monotonic clock. */
  #eventMs = -Infinity;
  #scanStartMs = 0;
  #scanEndMs = 0;
  /** Starts the next scan; undefined while one runs. */
  #timer: NodeJS.Timeout | undefined;
  #status: DirectoryStatus;
  #watcher: Watcher | undefined;
  /** `notDumps` of the last scan. */
  #notDumps: ReadonlySet<string> = new Set();
  #identity = '';
  #isClosed = false;
  watchEvents = 0;
  watchErrors = 0;

  constructor(options: DirectoryOptions, dependencies: DirectoryDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    const { directory } = options;
    this.#status = { directory, up: false, lastScanSeconds: 0, scanDurationSeconds: 0 };
  }

  get status(): DirectoryStatus {
    return this.#status;
  }

  /** Plans a scan soon, because it may find something new. */
  wake(): void {
    this.#eventMs = this.#dependencies.monotonicMs();
    if (this.#timer !== undefined) this.#planNextScan();
  }

  /** Scans repeatedly until closed. */
  async run(): Promise<void> {
    this.#timer = undefined;
    await this.scan();
    if (!this.#isClosed) this.#planNextScan();
  }

  /** Stops scanning. Does not wait for a scan that hangs; that scan starts no watch when it continues. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#watcher?.close();
  }

  /** Scans once, and watches the directory if it is new. Never rejects; the result goes to the dependencies. */
  async scan(): Promise<void> {
    const { directory, scan } = this.#options;
    const { nowMs, monotonicMs, log, found, notScanned } = this.#dependencies;
    this.#scanStartMs = monotonicMs();
    const long = setTimeout(() => {
      const hint = 'it is large, or its mount hangs';
      log.warn('scanning the dump directory takes long', { directory, hint });
    }, LONG_MS).unref();
    let up = true;
    try {
      const result = await scan(this.#notDumps);
      this.#notDumps = result.notDumps;
      if (result.identity !== undefined) await this.#watch(result.identity);
      this.#watcher?.watchMissing(result.directories);
      found(result);
    } catch (error) {
      up = false;
      notScanned(error);
      // Its replacement may get the same inode number.
      this.#identity = '';
      if (this.#status.up || this.#status.lastScanSeconds === 0) {
        const hint = await hintOn(directory, error);
        log.error('cannot scan the dump directory', {
          directory,
          error: messageOf(error),
          ...(hint !== undefined && { hint }),
        });
      }
    }
    clearTimeout(long);
    if (up && !this.#status.up && this.#status.lastScanSeconds > 0) {
      log.info('the dump directory can be scanned again', { directory });
    }
    this.#scanEndMs = monotonicMs();
    this.#status = {
      directory,
      up,
      lastScanSeconds: nowMs() / 1000,
      scanDurationSeconds: (this.#scanEndMs - this.#scanStartMs) / 1000,
    };
  }

  /** Watches the directory again if it was recreated or mounted over, which ends the old watch. */
  async #watch(identity: string): Promise<void> {
    if (this.#identity === identity) return;
    this.#identity = identity;
    await this.#watcher?.close();
    if (this.#isClosed) return;
    let isLogged = false;
    this.#watcher = watchDirectory(this.#options.directory, {
      onReady: () => {
        this.wake();
      },
      onChange: () => {
        this.watchEvents++;
        this.wake();
      },
      onError: (error) => {
        this.watchErrors++;
        if (isLogged) return; // one limit of the kernel stops the watches of many directories
        isLogged = true;
        const { directory } = this.#options;
        const { log } = this.#dependencies;
        log.warn('watching failed, relying on periodic scans', {
          directory,
          error: messageOf(error),
        });
      },
    });
  }

  #planNextScan(): void {
    clearTimeout(this.#timer);
    const nowMs = this.#dependencies.monotonicMs();
    const waitMs = Math.max(0, this.#nextScanMs(nowMs) - nowMs);
    this.#timer = setTimeout(() => void this.run(), waitMs);
  }

  /**
   * Returns when to scan next: when a file is due, after `rescanMs`, or after an event once the pause is
   * over.
   */
  #nextScanMs(nowMs: number): number {
    const endMs = this.#scanEndMs;
    const dueMs = this.#dependencies.nextDueMs(nowMs) ?? Infinity;
    const nextMs = Math.min(dueMs, endMs + this.#options.rescanMs);
    if (this.#eventMs + BURST_MS <= this.#scanStartMs) return nextMs;
    const pauseMs = Math.max(BURST_MS, PAUSE_FACTOR * (endMs - this.#scanStartMs));
    return Math.min(nextMs, endMs + pauseMs);
  }
}
