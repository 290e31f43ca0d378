// One watched directory: scanned when something happened, when a file is due, and at the latest after
// the rescan time. Each has its own pace: one that hangs, as NFS does, delays no other.

import { FileError, messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { howToRead } from './permission-hint.ts';
import type { ScanResult } from './scan.ts';
import type { Scanner } from './scanner.ts';
import { type Watcher, watchDirectory } from './watcher.ts';

/** Events come in bursts. A scan that begins sooner after one may look too early: another follows it. */
const BURST_MS = 200;
/** No scan begins sooner after another than so many times what that took. */
const PAUSE_FACTOR = 4;
/** A scan that takes longer is logged: its directory is large, or hangs. */
const LONG_MS = 60_000;

/** One dump directory, as the last scan left it. */
export interface DirectoryStatus {
  readonly directory: string;
  readonly up: boolean;
  /** Unix seconds; 0 before the first scan. */
  readonly lastScanSeconds: number;
  readonly scanDurationSeconds: number;
}

/** What is watched, how it is scanned, and the longest time between two scans, ms. */
export interface DirectoryOptions {
  readonly directory: string;
  readonly scan: Scanner;
  readonly rescanMs: number;
}

/** What the watch of a directory needs: clocks, a log, and who takes what scans find. */
export interface DirectoryDependencies {
  readonly log: Logger;
  /** Of the wall clock. */
  readonly nowMs: () => number;
  /** From a monotonic clock. */
  readonly monotonicMs: () => number;
  /** Takes what a scan found. */
  readonly found: (result: ScanResult) => void;
  /** Takes what a scan failed of. */
  readonly notScanned: (error: unknown) => void;
  /** When the next file will be due that is not queued yet, by the monotonic clock; undefined: none. */
  readonly nextDueMs: (nowMs: number) => number | undefined;
}

/** Scans one directory again and again: after events soon, and without them now and then. */
export class WatchedDirectory {
  readonly #options: DirectoryOptions;
  readonly #dependencies: DirectoryDependencies;
  /** When something happened last that a scan may show, by the monotonic clock. */
  #eventMs = -Infinity;
  #scanStartMs = 0;
  #scanEndMs = 0;
  /** Of the next scan; undefined while one runs. */
  #timer: NodeJS.Timeout | undefined;
  #status: DirectoryStatus;
  #watcher: Watcher | undefined;
  /** Of the last scan. */
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

  /** A scan may find something new. */
  wake(): void {
    this.#eventMs = this.#dependencies.monotonicMs();
    if (this.#timer !== undefined) this.#planNextScan();
  }

  /** Scans now and then, until closed. */
  async run(): Promise<void> {
    this.#timer = undefined;
    await this.scan();
    if (!this.#isClosed) this.#planNextScan();
  }

  /** A scan that hangs is not waited for, and watches nothing when it goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#watcher?.close();
  }

  async scan(): Promise<void> {
    const { directory, scan } = this.#options;
    const { nowMs, monotonicMs, log, found, notScanned } = this.#dependencies;
    this.#scanStartMs = monotonicMs();
    const long = setTimeout(() => {
      const hint = 'it is large, or its mount hangs';
      log.warn('the scan of the dump directory takes long', { directory, hint });
    }, LONG_MS).unref();
    let up = true;
    try {
      const result = await scan(this.#notDumps);
      this.#notDumps = result.notDumps;
      if (result.identity !== undefined) await this.#watch(result.identity);
      this.#watcher?.cover(result.directories);
      found(result);
    } catch (error) {
      up = false;
      notScanned(error);
      // What comes in its place may be given the same number.
      this.#identity = '';
      if (this.#status.up || this.#status.lastScanSeconds === 0) {
        const isForbidden = error instanceof FileError && error.reason === 'permission';
        log.error('cannot scan the dump directory', {
          directory,
          error: messageOf(error),
          ...(isForbidden && { hint: await howToRead(directory) }),
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

  /** A directory that was deleted and made again, or mounted, is another one to the kernel. */
  async #watch(identity: string): Promise<void> {
    if (this.#identity === identity) return;
    this.#identity = identity;
    await this.#watcher?.close();
    if (this.#isClosed) return;
    let isTold = false;
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
        if (isTold) return; // one limit of the kernel stops the watches of many directories
        isTold = true;
        const { directory } = this.#options;
        const { log } = this.#dependencies;
        log.warn('watching failed, scans go on', { directory, error: messageOf(error) });
      },
    });
  }

  #planNextScan(): void {
    clearTimeout(this.#timer);
    const nowMs = this.#dependencies.monotonicMs();
    const waitMs = Math.max(0, this.#nextScanMs(nowMs) - nowMs);
    this.#timer = setTimeout(() => void this.run(), waitMs);
  }

  /** When a file is due, or `rescanMs` is over; after an event as soon as the pause since the last scan is. */
  #nextScanMs(nowMs: number): number {
    const endMs = this.#scanEndMs;
    const dueMs = this.#dependencies.nextDueMs(nowMs) ?? Infinity;
    const nextMs = Math.min(dueMs, endMs + this.#options.rescanMs);
    if (this.#eventMs + BURST_MS <= this.#scanStartMs) return nextMs;
    const pauseMs = Math.max(BURST_MS, PAUSE_FACTOR * (endMs - this.#scanStartMs));
    return Math.min(nextMs, endMs + pauseMs);
  }
}
