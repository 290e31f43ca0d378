// One watched directory: scanned when something happened, when a file is due, and at the latest after
// the rescan time. Each has its own pace: one that hangs, as NFS does, holds up no other.

import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { type ScanResult, scanDirectory } from './scan.ts';
import { type Watcher, watchDirectory } from './watcher.ts';

/** Events come in bursts: a scan waits this long for the rest of one. */
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
  readonly nowMs: () => number;
  /** Takes what a scan found. */
  readonly found: (result: ScanResult) => void;
  /** When the next file will be due; undefined when none will. */
  readonly nextDueMs: () => number | undefined;
}

export class WatchedDirectory {
  readonly #options: DirectoryOptions;
  readonly #dependencies: DirectoryDependencies;
  readonly #changed = new EventEmitter();
  #status: DirectoryStatus;
  #watcher: Watcher | undefined;
  #identity = '';
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
    this.#changed.emit('changed');
  }

  /** Scans until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { scanDurationSeconds } = await this.scan();
      await this.#untilWorthAnotherScan(signal, Math.max(BURST_MS, 4000 * scanDurationSeconds));
    }
  }

  /** Once no scan will follow. */
  async close(): Promise<void> {
    await this.#watcher?.close();
  }

  async scan(): Promise<DirectoryStatus> {
    const { directory, excluded } = this.#options;
    const { nowMs, log, found } = this.#dependencies;
    const startMs = nowMs();
    let up = true;
    try {
      const result = await scanDirectory(directory, excluded);
      await this.#watch(result.identity);
      found(result);
    } catch (error) {
      up = false;
      if (this.#status.up || this.#status.lastScanSeconds === 0) {
        log.error('cannot scan the dump directory', { directory, error: messageOf(error) });
      }
    }
    const endMs = nowMs();
    if (up && !this.#status.up && this.#status.lastScanSeconds > 0) {
      log.info('the dump directory can be scanned again', { directory });
    }
    this.#status = {
      directory,
      up,
      lastScanSeconds: endMs / 1000,
      scanDurationSeconds: (endMs - startMs) / 1000,
    };
    return this.#status;
  }

  /** A directory that was deleted and made again, or mounted, is another one to the kernel. */
  async #watch(identity: string): Promise<void> {
    if (this.#identity === identity) return;
    this.#identity = identity;
    await this.#watcher?.close();
    this.#watcher = watchDirectory(this.#options.directory, {
      onChange: () => {
        this.watchEvents++;
        this.wake();
      },
      onError: (error) => {
        this.watchErrors++;
        const { directory } = this.#options;
        const { log } = this.#dependencies;
        log.warn('watching failed, scans go on', { directory, error: messageOf(error) });
      },
    });
  }

  /** Until a file is due, something changed (not sooner than `pauseMs`), or `rescanMs` is over. */
  async #untilWorthAnotherScan(signal: AbortSignal, pauseMs: number): Promise<void> {
    const dueMs = (this.#dependencies.nextDueMs() ?? Infinity) - this.#dependencies.nowMs();
    const waitMs = Math.max(0, Math.min(this.#options.rescanMs, dueMs));
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([
        sleep(waitMs, undefined, { signal: either }),
        once(this.#changed, 'changed', { signal: either }).then(() =>
          sleep(Math.min(pauseMs, waitMs), undefined, { signal: either }),
        ),
      ]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      over.abort();
    }
  }
}
