// The counters of the running kernel, read from /proc/kcore with --live.kcore. They are read at intervals,
// never by a scrape, and never added to those of dumps: if the running kernel crashes, its dump has the same errors
// again.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import type { AbsentReason, HwerrCategory } from '../vmcore/index.ts';
import type { LiveOutcome } from './kcore-file.ts';

/** Reads the running kernel's counters without blocking the main thread. */
export interface LiveClient {
  /** Returns the counters read from kcore. Never rejects. */
  live(path: string): Promise<LiveOutcome>;
}

export type LiveState =
  /** Not configured. */
  | { readonly kind: 'off' }
  | LiveCounters
  | { readonly kind: 'unavailable'; readonly message: string };

/** The counters of the running kernel, and the time they were read. */
export interface LiveCounters {
  readonly kind: 'present';
  readonly categories: readonly HwerrCategory[];
  /** Unix seconds. */
  readonly readSeconds: number;
}

/** The source of the counters, and the interval between reads (ms). */
export interface ThisBootOptions {
  /** Path of /proc/kcore; undefined: it is not read. */
  readonly kcore: string | undefined;
  readonly intervalMs: number;
}

interface ThisBootDependencies {
  readonly decoder: LiveClient;
  readonly log: Logger;
  readonly nowMs: () => number;
}

const WHY_ABSENT: Readonly<Partial<Record<AbsentReason, string>>> = {
  kernel_without_hwerr: 'this kernel does not count hardware errors (Linux 6.19 and later do)',
  symbol_not_found: 'nothing says where this kernel has its counters: give --symbols.path',
  page_excluded: 'the counters are in no segment of it',
  page_lost: 'it ends before the counters',
};

/** Reads the counters at intervals and keeps the last result. */
export class ThisBoot {
  readonly #options: ThisBootOptions;
  readonly #dependencies: ThisBootDependencies;
  readonly #stop = new AbortController();
  #state: LiveState;

  constructor(options: ThisBootOptions, dependencies: ThisBootDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#state =
      options.kcore === undefined
        ? { kind: 'off' }
        : { kind: 'unavailable', message: `${options.kcore}: not read yet` };
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Reads at intervals until `close()`; returns at once if there is nothing to read. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await this.refresh();
      if (signal.aborted || this.#state.kind === 'off') return;
      await sleep(this.#options.intervalMs, undefined, { signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  /** Reads the counters once. Never rejects. */
  async refresh(): Promise<void> {
    const state = await this.#read(this.#options.kcore);
    if (this.#stop.signal.aborted) return;
    this.#report(state);
    this.#state = state;
  }

  close(): void {
    this.#stop.abort();
  }

  /** Logs a change of the state once. */
  #report(state: LiveState): void {
    const { log } = this.#dependencies;
    const before = this.#state;
    if (state.kind === 'present' && before.kind !== 'present') {
      log.info('reading the counters of the running kernel');
    }
    if (state.kind !== 'unavailable') return;
    if (before.kind === 'unavailable' && before.message === state.message) return;
    log.warn('counters of the running kernel cannot be read', { error: state.message });
  }

  async #read(path: string | undefined): Promise<LiveState> {
    if (path === undefined) return { kind: 'off' };
    const outcome = await this.#dependencies.decoder.live(path);
    if (outcome.kind === 'failure') {
      return { kind: 'unavailable', message: outcome.failure.message };
    }
    const { hwerr } = outcome.report;
    if (hwerr.kind === 'present') return this.#present(hwerr.categories);
    if (hwerr.kind === 'unreadable') return { kind: 'unavailable', message: hwerr.message };
    return { kind: 'unavailable', message: `${path}: ${WHY_ABSENT[hwerr.reason]}` };
  }

  #present(categories: readonly HwerrCategory[]): LiveCounters {
    const readSeconds = Math.floor(this.#dependencies.nowMs() / 1000);
    return { kind: 'present', categories, readSeconds };
  }
}
