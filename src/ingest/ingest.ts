// From directories to outcomes: scan, let files settle, decode them one at a time, hand on what came
// out. Nothing here waits for a scrape, and no scrape waits for anything here.

import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, FailureReason } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { CrashReport } from '../vmcore/index.ts';
import type { DecodeClient } from './decode-client.ts';
import type { Outcome } from './decode-file.ts';
import { type DirectoryStatus, WatchedDirectory } from './directory.ts';
import { howToRead } from './explain.ts';
import type { FoundFile, ScanResult } from './scan.ts';
import { Settling, type Verdict } from './settling.ts';

/** Files taken to be decoded at a time: one that comes later waits for no more than these. */
const BATCH = 16;
/** Outcomes on their way to the disk at a time. */
const MOST_UNRECORDED = 64;

export interface IngestOptions {
  readonly directories: readonly string[];
  readonly excluded: readonly RegExp[];
  readonly settleMs: number;
  readonly rescanMs: number;
}

/** A dump whose report is final, as far as this state of its file goes. */
export interface DecodedFile {
  readonly file: FoundFile;
  readonly content: string;
  readonly report: CrashReport;
  readonly durationSeconds: number;
}

export interface FailedFile {
  readonly file: Pick<FoundFile, 'root' | 'path' | 'version'>;
  readonly content: string | null;
  readonly failure: Failure;
  /** It will be tried again. */
  readonly mayHeal: boolean;
  /** undefined: no decode was begun. */
  readonly durationSeconds?: number;
}

/** Where the outcomes go. */
export interface IngestSink {
  /** Resolves when the outcome is durable. */
  readonly decoded: (file: DecodedFile) => Promise<void>;
  readonly failed: (file: FailedFile) => Promise<void>;
  /** What an earlier run made of this state of the file, if that needs no second look. */
  readonly verdictOf: (file: FoundFile) => Verdict | undefined;
  /** These are all the files of a root; others of it are gone. */
  readonly onlyThese: (root: string, files: readonly FoundFile[]) => void;
}

export interface IngestDependencies {
  readonly decoder: DecodeClient;
  readonly sink: IngestSink;
  readonly log: Logger;
  readonly nowMs: () => number;
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
  readonly #directories: readonly WatchedDirectory[];
  readonly #stop = new AbortController();
  /** Paths that may not be read, so that each is logged once. */
  #explained = new Set<string>();
  readonly #unrecorded = new Set<Promise<void>>();
  #queue: FoundFile[] = [];
  #decoding: Promise<void> | undefined;
  #decodesInProgress = 0;
  #lastDecodeMs = 0;
  #discovered = 0;
  #decoded = 0;

  constructor(options: IngestOptions, dependencies: IngestDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#settling = new Settling(options.settleMs);
    const { excluded, rescanMs } = options;
    const { log, nowMs } = dependencies;
    this.#directories = [...new Set(options.directories)].map(
      (directory) =>
        new WatchedDirectory(
          { directory, excluded, rescanMs },
          {
            log,
            nowMs,
            found: (result) => {
              this.#found(directory, result);
            },
            nextDueMs: () => this.#settling.nextDueMs(directory),
          },
        ),
    );
  }

  /** Whether every directory was looked at once. */
  get isReady(): boolean {
    return this.#directories.every(({ status }) => status.lastScanSeconds > 0);
  }

  status(): IngestStatus {
    const sum = (value: (directory: WatchedDirectory) => number): number =>
      this.#directories.reduce((total, directory) => total + value(directory), 0);
    return {
      directories: this.#directories.map(({ status }) => status),
      queueLength: this.#queue.length + this.#settling.readyCount(this.#dependencies.nowMs()),
      decodesInProgress: this.#decodesInProgress,
      lastDecodeSeconds: this.#lastDecodeMs / 1000,
      discovered: this.#discovered,
      decoded: this.#decoded,
      watchEvents: sum(({ watchEvents }) => watchEvents),
      watchErrors: sum(({ watchErrors }) => watchErrors),
      present: {
        complete: this.#settling.filesThatAre('complete'),
        incomplete: this.#settling.filesThatAre('incomplete'),
      },
    };
  }

  /** Runs until `close()`. */
  async run(): Promise<void> {
    await Promise.all(this.#directories.map((directory) => directory.run(this.#stop.signal)));
    await this.#decoding;
  }

  /**
   * One pass: decodes what lies still for the settle time, and what broke off and is old. What is
   * being written is left for the next pass.
   */
  async runOnce(): Promise<void> {
    await Promise.all(this.#directories.map((directory) => directory.scan()));
    await sleep(this.#options.settleMs);
    await Promise.all(this.#directories.map((directory) => directory.scan()));
    await this.#decoding;
    await Promise.all(this.#unrecorded);
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    this.#queue = [];
    this.#stop.abort();
    await Promise.all(this.#directories.map((directory) => directory.close()));
  }

  #isClosed(): boolean {
    return this.#stop.signal.aborted;
  }

  #found(root: string, { files, unreadable }: ScanResult): void {
    const { nowMs, sink } = this.#dependencies;
    const firstScan = this.#directories.some(
      ({ status }) => status.directory === root && status.lastScanSeconds === 0,
    );
    const seen = this.#settling.update(root, files, nowMs(), sink.verdictOf);
    this.#discovered += seen.discovered;
    if (firstScan || seen.vanished > 0) sink.onlyThese(root, files);
    for (const { path, error } of unreadable) {
      this.#explain(path, error.message);
      if (error.reason === 'not_a_dump') continue;
      const file = { root, path, version: '' };
      const failure = { reason: error.reason, message: error.message };
      this.#hold(sink.failed({ file, failure, content: null, mayHeal: true }));
    }
    this.#startDecoding();
  }

  #explain(path: string, message: string): void {
    if (this.#explained.has(path)) return;
    if (this.#explained.size > 10_000) this.#explained = new Set();
    this.#explained.add(path);
    this.#dependencies.log.error('may not be read', {
      path,
      error: message,
      hint: howToRead(path),
    });
  }

  #startDecoding(): void {
    this.#decoding ??= this.#decodeQueue().finally(() => {
      this.#decoding = undefined;
      for (const directory of this.#directories) directory.wake();
    });
  }

  /** Decodes what is due, one file after the other. */
  async #decodeQueue(): Promise<void> {
    const { decoder, nowMs } = this.#dependencies;
    while (!this.#isClosed()) {
      if (this.#queue.length === 0) this.#queue = this.#settling.takeReady(nowMs(), BATCH);
      const file = this.#queue.shift();
      if (file === undefined) return;
      const startMs = nowMs();
      this.#decodesInProgress = 1;
      const { path, root, version } = file;
      const outcome = await decoder.decode({ path, root, version });
      this.#decodesInProgress = 0;
      if (this.#isClosed()) return;
      this.#lastDecodeMs = nowMs();
      this.#take(file, outcome, (this.#lastDecodeMs - startMs) / 1000);
      // The ledger cannot write: what is not decoded yet waits on its disk.
      if (this.#unrecorded.size >= MOST_UNRECORDED) await this.#untilRecorded();
    }
  }

  async #untilRecorded(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#stop.signal.addEventListener('abort', () => {
        resolve();
      });
    });
    await Promise.race([closed, ...this.#unrecorded]);
  }

  #take(file: FoundFile, outcome: Outcome, durationSeconds: number): void {
    const { sink, nowMs } = this.#dependencies;
    if (outcome.kind === 'gone') return;
    if (outcome.kind === 'changed') {
      this.#settling.again(file, nowMs());
      return;
    }
    if (brokeOff(outcome) && this.#settling.waitForRest(file, nowMs())) return;
    const { content } = outcome;
    if (outcome.kind === 'decoded') {
      const { report } = outcome;
      this.#decoded++;
      const recorded = sink.decoded({ file, content: outcome.content, report, durationSeconds });
      this.#hold(
        recorded.then(() => {
          this.#settling.done(file, report.incomplete ? 'incomplete' : 'complete');
        }),
      );
      return;
    }
    const { failure } = outcome;
    if (failure.reason === 'not_a_dump' && !CLAIMS_TO_BE_A_DUMP.test(basename(file.path))) {
      this.#settling.done(file, 'ignored');
      return;
    }
    const mayHeal = MAY_HEAL.has(failure.reason);
    if (failure.reason === 'permission') this.#explain(file.path, failure.message);
    if (mayHeal) this.#settling.retryLater(file, nowMs());
    else this.#settling.done(file, 'failed');
    this.#hold(sink.failed({ file, content, failure, mayHeal, durationSeconds }));
  }

  #hold(recorded: Promise<void>): void {
    this.#unrecorded.add(recorded);
    void recorded.finally(() => this.#unrecorded.delete(recorded));
  }
}

/** Names that dumps have: such a file that is none is worth an alarm, any other is nobody's business. */
const CLAIMS_TO_BE_A_DUMP = /vmcore|dump/;

/** The file need not change for these to go away. */
const MAY_HEAL: ReadonlySet<FailureReason> = new Set(['permission', 'io']);

/** Whether the file looks like one whose writer paused in the middle. */
function brokeOff(outcome: Outcome): boolean {
  if (outcome.kind === 'decoded') return outcome.report.incomplete;
  return outcome.kind === 'failed' && PARTIAL.has(outcome.failure.reason);
}

/** What a decoder may say of a file that is not all there. */
const PARTIAL: ReadonlySet<FailureReason> = new Set([
  'truncated',
  'corrupt',
  'not_a_dump', // its first bytes are not written yet
  'no_vmcoreinfo',
  'no_kallsyms',
]);
