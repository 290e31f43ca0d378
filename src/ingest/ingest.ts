// From directories to outcomes: scan, let files settle, decode them one at a time, hand on what came
// out. Nothing here waits for a scrape, and no scrape waits for anything here.

import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, type FailureReason, messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { CrashReport } from '../vmcore/index.ts';
import type { DecodeClient } from './decode-client.ts';
import type { Outcome } from './decode-file.ts';
import { type FoundFile, scanDirectory } from './scan.ts';
import { type ReadyFile, Settling } from './settling.ts';
import { watchDirectories } from './watcher.ts';

/** How long a dump that broke off must lie still before it is taken for finished: writers pause. */
const GRACE_MS = 60_000;
/** Events come in bursts: a scan waits this long for the rest of one. */
const BURST_MS = 200;
/** What may be wrong with a dump only because the rest of it is not written yet. */
const MENDED_BY_THE_REST: readonly FailureReason[] = [
  'truncated',
  'corrupt',
  'no_vmcoreinfo',
  'no_kallsyms',
  'symbol_not_found',
  'page_excluded',
  'page_lost',
];
/** A file shorter than this may not say yet what it is: the longest magic is as long, in bytes. */
const LONGEST_MAGIC = 16;

export interface IngestOptions {
  readonly directories: readonly string[];
  readonly excluded: readonly RegExp[];
  readonly settleMs: number;
  readonly rescanMs: number;
}

/** A dump whose report is final, as far as its file goes. */
export interface DecodedFile {
  readonly path: string;
  readonly report: CrashReport;
  readonly durationSeconds: number;
}

export interface FailedFile {
  readonly path: string;
  readonly failure: Failure;
  readonly durationSeconds: number;
}

/** Where the outcomes go. */
export interface IngestSink {
  readonly decoded: (file: DecodedFile) => void;
  readonly failed: (file: FailedFile) => void;
}

export interface IngestDependencies {
  readonly decoder: DecodeClient;
  readonly sink: IngestSink;
  readonly log: Logger;
  readonly nowMs: () => number;
}

/** One dump directory, as the last scan left it. */
export interface DirectoryStatus {
  readonly directory: string;
  readonly up: boolean;
  /** Unix seconds; 0 before the first scan. */
  readonly lastScanSeconds: number;
  readonly scanDurationSeconds: number;
}

/** What the daemon is doing; read by metrics at every scrape. */
export interface IngestStatus {
  readonly directories: readonly DirectoryStatus[];
  readonly queueLength: number;
  readonly decodesInProgress: number;
  /** Unix seconds; 0 before the first decode. */
  readonly lastDecodeSeconds: number;
  readonly discovered: number;
  readonly decoded: number;
  readonly watchEvents: number;
  readonly watchErrors: number;
  readonly present: {
    readonly complete: readonly FoundFile[];
    readonly incomplete: readonly FoundFile[];
  };
}

export class Ingest {
  readonly #options: IngestOptions;
  readonly #dependencies: IngestDependencies;
  readonly #settling: Settling;
  readonly #directories = new Map<string, DirectoryStatus>();
  readonly #stop = new AbortController();
  readonly #queue: ReadyFile[] = [];
  #decoding = 0;
  #lastDecodeMs = 0;
  #discovered = 0;
  #decoded = 0;
  #watchEvents = 0;
  #watchErrors = 0;
  /** Emits `changed` when a scan may find something new. */
  readonly #changed = new EventEmitter();
  /** Whether it did so since the last scan began, which may have looked too early. */
  #isStale = false;

  constructor(options: IngestOptions, dependencies: IngestDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#settling = new Settling(options.settleMs);
    for (const directory of options.directories) {
      const never = { directory, up: false, lastScanSeconds: 0, scanDurationSeconds: 0 };
      this.#directories.set(directory, never);
    }
  }

  /** Whether every directory was looked at once. */
  get isReady(): boolean {
    return [...this.#directories.values()].every((status) => status.lastScanSeconds > 0);
  }

  /** Whether the last scan saw the file. */
  isOnDisk(path: string): boolean {
    return this.#settling.has(path);
  }

  status(): IngestStatus {
    return {
      directories: [...this.#directories.values()],
      queueLength: this.#queue.length,
      decodesInProgress: this.#decoding,
      lastDecodeSeconds: this.#lastDecodeMs / 1000,
      discovered: this.#discovered,
      decoded: this.#decoded,
      watchEvents: this.#watchEvents,
      watchErrors: this.#watchErrors,
      present: {
        complete: this.#settling.filesThatAre('complete'),
        incomplete: this.#settling.filesThatAre('incomplete'),
      },
    };
  }

  /** Runs until `close()`: scans at events and at the latest after `rescanMs`, decodes in between. */
  async run(): Promise<void> {
    const watcher = watchDirectories(this.#options.directories, {
      onReady: () => {
        this.#expectChange();
      },
      onChange: () => {
        this.#watchEvents++;
        this.#expectChange();
      },
      onError: (error) => {
        this.#watchErrors++;
        this.#dependencies.log.warn('watching failed, scans go on', { error: messageOf(error) });
      },
    });
    while (!this.#isClosed()) {
      this.#isStale = false;
      const startMs = this.#dependencies.nowMs();
      for (const directory of this.#options.directories) await this.#scan(directory);
      const endMs = this.#dependencies.nowMs();
      this.#queue.unshift(...this.#settling.takeReady(endMs));
      void this.#decodeQueue();
      await this.#untilWorthAnotherScan(endMs, Math.max(BURST_MS, 4 * (endMs - startMs)));
    }
    await watcher.close();
  }

  close(): void {
    this.#queue.length = 0;
    this.#stop.abort();
  }

  #expectChange(): void {
    this.#isStale = true;
    this.#changed.emit('changed');
  }

  async #scan(directory: string): Promise<void> {
    const { nowMs, log } = this.#dependencies;
    const startMs = nowMs();
    let up = true;
    try {
      const { files, errors } = await scanDirectory(directory, this.#options.excluded);
      this.#discovered += this.#settling.update(directory, files, nowMs());
      for (const error of errors) log.warn('cannot look at everything', { error: error.message });
    } catch (error) {
      up = false;
      if (this.#directories.get(directory)?.up !== false || !this.isReady) {
        log.error('cannot scan the dump directory', { directory, error: messageOf(error) });
      }
    }
    const endMs = nowMs();
    this.#directories.set(directory, {
      directory,
      up,
      lastScanSeconds: endMs / 1000,
      scanDurationSeconds: (endMs - startMs) / 1000,
    });
  }

  /** Until a file is due, something changed (not sooner than `pauseMs`), or `rescanMs` is over. */
  async #untilWorthAnotherScan(lastScanMs: number, pauseMs: number): Promise<void> {
    const dueMs = (this.#settling.nextDueMs() ?? Infinity) - lastScanMs;
    const waitMs = Math.max(0, Math.min(this.#options.rescanMs, dueMs));
    const { signal } = this.#stop;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const changed = this.#isStale
      ? Promise.resolve()
      : once(this.#changed, 'changed', { signal: either });
    try {
      await Promise.race([
        sleep(waitMs, undefined, { signal: either }),
        changed.then(() => sleep(Math.min(pauseMs, waitMs), undefined, { signal: either })),
      ]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      over.abort();
    }
  }

  /** Decodes what is queued, one file after the other; one call at a time does the work. */
  async #decodeQueue(): Promise<void> {
    if (this.#decoding > 0 || this.#queue.length === 0) return;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const startMs = this.#dependencies.nowMs();
      this.#decoding = 1;
      const outcome = await this.#dependencies.decoder.decode(next.file.path);
      this.#decoding = 0;
      if (this.#isClosed()) return;
      this.#lastDecodeMs = this.#dependencies.nowMs();
      this.#take(next, outcome, (this.#lastDecodeMs - startMs) / 1000);
    }
    this.#expectChange(); // some may be due again, and the next scan was not planned for that
  }

  #isClosed(): boolean {
    return this.#stop.signal.aborted;
  }

  #take({ file, final }: ReadyFile, outcome: Outcome, durationSeconds: number): void {
    const { sink, nowMs } = this.#dependencies;
    if (outcome.kind === 'gone' || outcome.kind === 'changed') {
      this.#settling.wait(file, this.#options.settleMs, nowMs(), false);
    } else if (!final && mayStillBeWritten(file, outcome)) {
      this.#settling.wait(file, GRACE_MS, nowMs(), true);
    } else if (outcome.kind === 'decoded') {
      const { report } = outcome;
      this.#settling.done(file, report.incomplete ? 'incomplete' : 'complete');
      this.#decoded++;
      sink.decoded({ path: file.path, report, durationSeconds });
    } else {
      this.#settling.done(file, 'failed');
      sink.failed({ path: file.path, failure: outcome.failure, durationSeconds });
    }
  }
}

/** Whether the file looks like one whose writer paused in the middle. */
function mayStillBeWritten({ size }: FoundFile, outcome: Outcome): boolean {
  if (outcome.kind === 'decoded') return outcome.report.incomplete;
  if (outcome.kind !== 'failed') return false;
  const { reason } = outcome.failure;
  if (reason === 'not_a_dump') return size < LONGEST_MAGIC;
  return MENDED_BY_THE_REST.includes(reason);
}
