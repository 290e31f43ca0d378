// One watched directory: scanned when something happened, when a file is due, and at the latest after
// the rescan time. Each has its own pace: one that hangs, as NFS does, holds up no other.

import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileError, messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { howToRead } from './permission-hint.ts';
import { type ScanResult, scanDirectory } from './scan.ts';
import { type Watcher, watchDirectory } from './watcher.ts';

/** Events come in bursts. A scan follows the first at once, and may look too early: another, so much later. */
const BURST_MS = 200;

/** One dump directory, as the last scan left it. */
export interface DirectoryStatus {
  readonly directory: string;
  readonly up: boolean;
  /** Unix seconds; 0 before the first scan. */
  readonly lastScanSeconds: number;
  readonly scanDurationSeconds: number;
}

export interface DirectoryOptions {
  readonly directory: string;
  readonly excluded: readonly RegExp[];
  readonly rescanMs: number;
}

export interface DirectoryDependencies {
  readonly log: Logger;
  /** Of the wall clock. */
  readonly nowMs: () => number;
  /** Of a clock that nobody sets. */
  readonly monotonicMs: () => number;
  /** Takes what a scan found. */
  readonly found: (result: ScanResult) => void;
  /** Takes what a scan failed of. */
  readonly notScanned: (error: unknown) => void;
  /** When the next file will be due that nobody waits for, by the steady clock; undefined: none. */
  readonly nextDueMs: (nowMs: number) => number | undefined;
}

export class WatchedDirectory {
  readonly #options: DirectoryOptions;
  readonly #dependencies: DirectoryDependencies;
  /** Emits `changed` when a scan may find something new. */
  readonly #changed = new EventEmitter();
  /** Whether it did so since the last scan began, which may have looked too early. */
  #isStale = false;
  /** Whether the next scan follows an event at once. */
  #isEarly = false;
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
    this.#isStale = true;
    this.#changed.emit('changed');
  }

  /** Scans until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { scanDurationSeconds } = await this.scan();
      await this.#untilWorthAnotherScan(signal, Math.max(BURST_MS, 4000 * scanDurationSeconds));
    }
  }

  /** A scan that hangs is not waited for, and watches nothing when it goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#watcher?.close();
  }

  async scan(): Promise<DirectoryStatus> {
    const { directory, excluded } = this.#options;
    const { nowMs, monotonicMs, log, found, notScanned } = this.#dependencies;
    this.#isStale = this.#isEarly;
    this.#isEarly = false;
    const startMs = monotonicMs();
    let up = true;
    try {
      const result = await scanDirectory(directory, excluded, this.#notDumps);
      this.#notDumps = result.notDumps;
      await this.#watch(result.identity);
      this.#watcher?.cover(result.directories);
      found(result);
    } catch (error) {
      up = false;
      notScanned(error);
      // What comes in its place may be given the same number.
      this.#identity = '';
      if (this.#status.up || this.#status.lastScanSeconds === 0) {
        const denied = error instanceof FileError && error.reason === 'permission';
        log.error('cannot scan the dump directory', {
          directory,
          error: messageOf(error),
          ...(denied && { hint: await howToRead(directory) }),
        });
      }
    }
    if (up && !this.#status.up && this.#status.lastScanSeconds > 0) {
      log.info('the dump directory can be scanned again', { directory });
    }
    this.#status = {
      directory,
      up,
      lastScanSeconds: nowMs() / 1000,
      scanDurationSeconds: (monotonicMs() - startMs) / 1000,
    };
    return this.#status;
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

  /** Until a file is due, something changed (`pauseMs` from now at the soonest), or `rescanMs` is over. */
  async #untilWorthAnotherScan(signal: AbortSignal, pauseMs: number): Promise<void> {
    const nowMs = this.#dependencies.monotonicMs();
    const dueMs = this.#dependencies.nextDueMs(nowMs) ?? Infinity;
    const waitMs = Math.min(this.#options.rescanMs, Math.max(0, dueMs - nowMs));
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const wasStale = this.#isStale;
    const changed = wasStale
      ? Promise.resolve()
      : once(this.#changed, 'changed', { signal: either });
    try {
      await Promise.race([
        sleep(waitMs, undefined, { signal: either }),
        changed.then(() => {
          const restMs = nowMs + Math.min(pauseMs, waitMs) - this.#dependencies.monotonicMs();
          return sleep(Math.max(0, restMs), undefined, { signal: either });
        }),
      ]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      over.abort();
    }
    this.#isEarly = this.#isStale && !wasStale;
  }
}
