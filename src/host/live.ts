// What the running kernel has counted so far: by /sys/kernel/hwerr_recovery_stats where there is one,
// else by /proc/kcore where that is asked for. Read now and then, never by a scrape, and never added
// to what dumps say: if this boot crashes, its dump has the same errors again.
//
// The directory is that of a proposal, "vmcoreinfo: expose hardware error recovery statistics via
// sysfs" (v2, linux-acpi, February 2026): a file a category with its count as a decimal int, no times.
// Neither 7.2 nor 7.3 has it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { type AbsentReason, CATEGORIES, type HwerrCategory } from '../vmcore/index.ts';
import type { LiveOutcome } from './kcore-file.ts';

export interface LiveClient {
  /** The counters of the running kernel, by its kcore. Never rejects. */
  live(path: string): Promise<LiveOutcome>;
}

export type LiveState =
  /** Nobody asked for it, and the kernel does not offer it. */
  | { readonly kind: 'off' }
  | LiveCounters
  | { readonly kind: 'unavailable'; readonly message: string };

export interface LiveCounters {
  readonly kind: 'present';
  /** sysfs has no times: where no error has one, nothing is said of when. */
  readonly source: 'kcore' | 'sysfs';
  readonly categories: readonly HwerrCategory[];
  /** Unix seconds. */
  readonly readSeconds: number;
}

export interface ThisBootOptions {
  /** /proc/kcore; undefined: it is left alone. */
  readonly kcore: string | undefined;
  /** /sys/kernel/hwerr_recovery_stats */
  readonly statistics: string;
  readonly intervalMs: number;
}

interface ThisBootDependencies {
  readonly decoder: LiveClient;
  readonly log: Logger;
  readonly nowMs: () => number;
}

const WHY_ABSENT: Readonly<Record<AbsentReason, string>> = {
  kernel_without_hwerr: 'this kernel does not count hardware errors (Linux 6.19 and later do)',
  symbol_not_found: 'nothing says where this kernel has its counters: give --symbols.path',
  page_excluded: 'the counters are in no segment of it',
  page_lost: 'it ends before the counters',
};

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

  /** Reads until `close()`; ends at once where there is nothing to read. */
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

  async refresh(): Promise<void> {
    const { statistics, kcore } = this.#options;
    const state = (await this.#byStatistics(statistics)) ?? (await this.#byKcore(kcore));
    if (this.#stop.signal.aborted) return;
    this.#tell(state);
    this.#state = state;
  }

  close(): void {
    this.#stop.abort();
  }

  /** Once, until it changes. */
  #tell(state: LiveState): void {
    const { log } = this.#dependencies;
    const before = this.#state;
    if (state.kind === 'present' && before.kind !== 'present') {
      log.info('reading this boot', { source: state.source });
    }
    if (state.kind !== 'unavailable') return;
    if (before.kind === 'unavailable' && before.message === state.message) return;
    log.warn('this boot cannot be read', { error: state.message });
  }

  /** @returns undefined where the kernel has no such directory. */
  async #byStatistics(directory: string): Promise<LiveState | undefined> {
    try {
      const categories = await Promise.all(
        CATEGORIES.map(async (category): Promise<HwerrCategory> => {
          const path = join(directory, category);
          const count = parseCount(await readFile(path, 'utf8'));
          if (count === undefined) throw new Error(`${path}: got no count`);
          return { category, count, lastErrorTimestampSeconds: null };
        }),
      );
      return this.#present('sysfs', categories);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      return { kind: 'unavailable', message: messageOf(error) };
    }
  }

  async #byKcore(path: string | undefined): Promise<LiveState> {
    if (path === undefined) return { kind: 'off' };
    const outcome = await this.#dependencies.decoder.live(path);
    if (outcome.kind === 'failure') {
      return { kind: 'unavailable', message: outcome.failure.message };
    }
    const { hwerr } = outcome.report;
    if (hwerr.kind === 'present') return this.#present('kcore', hwerr.categories);
    if (hwerr.kind === 'unreadable') return { kind: 'unavailable', message: hwerr.message };
    return { kind: 'unavailable', message: `${path}: ${WHY_ABSENT[hwerr.reason]}` };
  }

  #present(source: LiveCounters['source'], categories: readonly HwerrCategory[]): LiveCounters {
    const readSeconds = Math.floor(this.#dependencies.nowMs() / 1000);
    return { kind: 'present', source, categories, readSeconds };
  }
}

/** An atomic_t as "%d" prints it, read as unsigned 32 bit. */
function parseCount(text: string): number | undefined {
  if (!/^-?\d{1,10}\n?$/.test(text)) return undefined;
  const value = Number(text);
  return value >= -(2 ** 31) && value < 2 ** 31 ? value >>> 0 : undefined;
}
