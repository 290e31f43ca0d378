// From directories to outcomes: scans, lets files settle, decodes a few at a time and passes the outcomes
// on. Nothing here waits for a scrape, and no scrape waits for anything here.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, isTransient } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { DecodeClient } from '../decode/decode-client.ts';
import type { DecodeOutcome, FailureOutcome, ReportOutcome } from '../decode/decode-file.ts';
import type { FileOutcome } from '../outcome.ts';
import { type DirectoryStatus, WatchedDirectory } from './directory.ts';
import { FirstPass } from './first-pass.ts';
import { logReport } from './log-report.ts';
import { type Claims, DecodeQueue } from './queue.ts';
import type { FoundFile, ScanResult } from './scan.ts';
import { type Share, isCountedElsewhere } from './share.ts';
import { scannerOf } from './scanner.ts';
import { Settling, type FileResult } from './settling.ts';
import { failureOfFile, isIgnorable, isUnresponsive, mayStillBeWritten } from './unfinished.ts';
import { UnreadablePaths } from './unreadable-paths.ts';

/** Node may fire a timer this much too early. */
const TIMER_MS = 10;
/** Maximum number of outcomes being written to the ledger. */
const MAX_UNRECORDED = 64;

/** After a longer decode, the order of the queue is computed again. */
const SLOW_SECONDS = 1;

/** The dump directories, and how long files settle before they are decoded. */
export interface IngestOptions {
  readonly directories: readonly string[];
  readonly excluded: readonly RegExp[];
  readonly settleMs: number;
  /** Settle time of a file whose name marks it as incomplete. */
  readonly incompleteAfterMs: number;
  readonly rescanMs: number;
  /** Number of parallel decodes. */
  readonly workers: number;
}

/** The part of the ledger that ingest uses. */
interface OutcomeLedger {
  /** Coordinates collectors that share the ledger; undefined: all files are decoded here. */
  readonly claims?: Claims | undefined;
  /** The shard of this collector; undefined: it has all hosts. */
  readonly share?: Share | undefined;
  /** Resolves when the outcome is durable. */
  record(outcome: FileOutcome): Promise<void>;
  /** Returns the result of an earlier run for this version of the file; undefined if it is to be decoded. */
  resultOf(root: string, path: string, version: string): FileResult | undefined;
  /** A file or directory that could not be read was read, without an outcome to record, or is gone. */
  recovered(path: string, isRead: boolean): void;
  /** All files of a root, and those gone since its last scan. Other files that the ledger has are gone too. */
  retain(root: string, present: Iterable<string>, vanished: readonly string[]): void;
  /** All outcomes of the first pass went to record(); `partial`: except those of unresponsive directories. */
  reportFirstPass(progress: 'partial' | 'over'): void;
}

/** The decoder, the ledger, the log and the clocks. */
export interface IngestDependencies {
  readonly decoder: DecodeClient;
  readonly ledger: OutcomeLedger;
  readonly log: Logger;
  /** Called with the duration of each decode, seconds. */
  readonly observeDecode: (seconds: number) => void;
  /** Wall clock, ms. */
  readonly nowMs: () => number;
  /** Monotonic clock, ms. */
  readonly monotonicMs: () => number;
}

/** What ingest is doing; metrics read it at every scrape. */
export interface IngestStatus {
  readonly directories: readonly DirectoryStatus[];
  readonly queueLength: number;
  readonly decodesInProgress: number;
  /** Unix seconds; 0 before the first decode. */
  readonly lastDecodeSeconds: number;
  readonly discovered: number;
  /** Counts only what is durable, so that a scrape that counts a dump also shows its crash. */
  readonly decoded: number;
  readonly watchEvents: number;
  readonly watchErrors: number;
  readonly present: {
    readonly complete: readonly FoundFile[];
    readonly incomplete: readonly FoundFile[];
  };
}

/** Finds dumps, decodes each once it stops changing, and passes the outcomes to the ledger. */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #dependencies: IngestDependencies;
  readonly #settling: Settling;
  readonly #directories: readonly WatchedDirectory[];
  readonly #firstPass: FirstPass;
  readonly #stop = new AbortController();
  /** Directories that were scanned at least once. */
  readonly #scanned = new Set<string>();
  readonly #unreadable: UnreadablePaths;
  readonly #queue: DecodeQueue;
  readonly #unrecorded = new Set<Promise<void>>();
  /** Number of running decode loops, each of which ends when no file is due, and a promise of their end. */
  #decoders = 0;
  #decoding: Promise<unknown> = Promise.resolve();
  #decodesInProgress = 0;
  #lastDecodeMs = 0;
  #discovered = 0;
  #decoded = 0;

  constructor(options: IngestOptions, dependencies: IngestDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    const { settleMs, incompleteAfterMs } = options;
    this.#settling = new Settling({ settleMs, incompleteAfterMs, nowMs: dependencies.nowMs });
    this.#unreadable = new UnreadablePaths(dependencies.log);
    this.#firstPass = new FirstPass(options.directories);
    this.#queue = new DecodeQueue({
      settling: this.#settling,
      claims: dependencies.ledger.claims,
      monotonicMs: dependencies.monotonicMs,
      known: (files) => {
        for (const { path } of files) this.#firstPass.tried(path);
        this.#reportFirstPass();
      },
      postponed: (roots) => {
        for (const root of roots) this.#wake(root);
      },
    });
    const { excluded, rescanMs } = options;
    const { log, nowMs, monotonicMs, ledger } = dependencies;
    const { share } = ledger;
    this.#directories = [...new Set(options.directories)].map(
      (directory) =>
        new WatchedDirectory(
          { directory, scan: scannerOf(directory, excluded, nowMs, share), rescanMs },
          {
            log,
            nowMs,
            monotonicMs,
            found: (result) => {
              this.#found(directory, result);
            },
            notScanned: (error) => {
              if (errorCode(error) === 'ENOENT') this.#firstPass.scanned(directory, []);
              else this.#firstPass.unresponsive(directory);
              this.#reportFirstPass();
            },
            // While decoding, the queue itself takes files that have become due.
            nextDueMs: (now) =>
              this.#settling.nextDueMs(directory, this.#decoders > 0 ? now : -Infinity),
          },
        ),
    );
  }

  /** Whether every directory has been scanned once. */
  get isReady(): boolean {
    return this.#directories.every(({ status }) => status.lastScanSeconds > 0);
  }

  /** Whether the last scan saw the file. */
  isOnDisk(path: string): boolean {
    return this.#settling.has(path);
  }

  /** Returns the state that metrics and the page show. */
  status(): IngestStatus {
    const sum = (value: (directory: WatchedDirectory) => number): number =>
      this.#directories.reduce((total, directory) => total + value(directory), 0);
    return {
      directories: this.#directories.map(({ status }) => status),
      queueLength: this.#queue.length + this.#settling.readyCount(this.#dependencies.monotonicMs()),
      decodesInProgress: this.#decodesInProgress,
      lastDecodeSeconds: this.#lastDecodeMs / 1000,
      discovered: this.#discovered,
      decoded: this.#decoded,
      watchEvents: sum(({ watchEvents }) => watchEvents),
      watchErrors: sum(({ watchErrors }) => watchErrors),
      present: {
        complete: this.#settling.filesWithResult('complete'),
        incomplete: this.#settling.filesWithResult('incomplete'),
      },
    };
  }

  /** Scans and decodes until `close()`. Does not wait for a scan that hangs at that time. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    void this.#giveUpOnHung(signal);
    for (const directory of this.#directories) void directory.run();
    if (!signal.aborted) await once(signal, 'abort');
    await this.#decoding;
  }

  /**
   * Makes one pass: decodes files that do not change during the settle time, and old truncated ones. Files
   * being written are left to the next pass.
   */
  async runOnce(): Promise<void> {
    await Promise.all(this.#directories.map((directory) => directory.scan()));
    await sleep(this.#options.settleMs + TIMER_MS);
    await Promise.all(this.#directories.map((directory) => directory.scan()));
    await this.#decoding;
    await Promise.all(this.#unrecorded);
  }

  /** Stops scanning and decoding. */
  async close(): Promise<void> {
    this.#queue.close();
    this.#stop.abort();
    await Promise.all(this.#directories.map((directory) => directory.close()));
  }

  #isClosed(): boolean {
    return this.#stop.signal.aborted;
  }

  #found(root: string, { files, directories, unreadable }: ScanResult): void {
    if (this.#isClosed()) return;
    const { monotonicMs, ledger } = this.#dependencies;
    const firstScan = !this.#scanned.has(root);
    this.#scanned.add(root);
    const seen = this.#settling.update(root, files, monotonicMs(), ({ path, version }) =>
      ledger.resultOf(root, path, version),
    );
    this.#discovered += seen.discovered;
    if (firstScan || seen.vanished.length > 0) {
      const present = files.map(({ path }) => path);
      ledger.retain(root, present, seen.vanished);
    }
    for (const { path, error } of unreadable) {
      const failure = { reason: error.reason, message: error.message };
      if (!this.#unreadable.add(root, path, failure)) continue;
      const unread = { root, path, version: '', content: undefined };
      void this.#record({ ...unread, kind: 'failure', failure });
    }
    const still = new Set(unreadable.map(({ path }) => path));
    const isUnreadable = (path: string): boolean => still.has(path) || this.#settling.has(path);
    const listed = new Set(directories);
    for (const path of this.#unreadable.removeRecovered(root, isUnreadable)) {
      ledger.recovered(path, listed.has(path));
    }
    this.#firstPass.scanned(
      root,
      files.filter((file) => this.#settling.isUntried(file)),
    );
    this.#reportFirstPass();
    this.#startDecoding();
  }

  #reportFirstPass(): void {
    const { progress } = this.#firstPass;
    if (progress !== 'running') this.#dependencies.ledger.reportFirstPass(progress);
  }

  /** Treats directories whose first scan takes longer than the rescan time as hung. */
  async #giveUpOnHung(signal: AbortSignal): Promise<void> {
    await sleep(this.#options.rescanMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    for (const { status } of this.#directories) {
      if (status.lastScanSeconds === 0) this.#firstPass.unresponsive(status.directory);
    }
    this.#reportFirstPass();
  }

  #startDecoding(): void {
    while (this.#decoders < this.#options.workers && this.#queue.hasDue()) {
      this.#decoders++;
      this.#decoding = Promise.all([this.#decoding, this.#decodeInTurn()]);
    }
  }

  /** Decodes files one after the other until none is due. */
  async #decodeInTurn(): Promise<void> {
    while (this.#queue.hasDue()) {
      if (this.#queue.claiming !== undefined) await this.#queue.claiming;
      const file = this.#queue.shift();
      if (file === undefined) continue;
      await this.#decode(file);
      // The ledger cannot write: decode no more until it can.
      if (this.#unrecorded.size >= MAX_UNRECORDED) await this.#untilRecorded();
    }
    this.#decoders--;
  }

  async #decode(file: FoundFile): Promise<void> {
    const { decoder, nowMs, monotonicMs } = this.#dependencies;
    const startMs = monotonicMs();
    this.#decodesInProgress++;
    const outcome = await decoder.decode(file);
    this.#decodesInProgress--;
    if (this.#isClosed()) return;
    this.#lastDecodeMs = nowMs();
    const seconds = (monotonicMs() - startMs) / 1000;
    if (seconds > SLOW_SECONDS) {
      this.#queue.putBack();
    }
    void this.#take(file, outcome, seconds).then(() => {
      this.#queue.release([file]);
    });
    this.#firstPass.tried(file.path);
    if (isUnresponsive(outcome)) this.#firstPass.unresponsive(file.root);
    this.#reportFirstPass();
    // The file may be due again, for which no scan of its directory is planned yet.
    if (this.#settling.isDueAgain(file)) this.#wake(file.root);
  }

  #wake(root: string): void {
    for (const directory of this.#directories) {
      if (directory.status.directory === root) directory.wake();
    }
  }

  async #untilRecorded(): Promise<void> {
    const over = new AbortController();
    const closed = once(this.#stop.signal, 'abort', { signal: over.signal });
    closed.catch(() => undefined);
    await Promise.race([closed, ...this.#unrecorded]);
    over.abort();
  }

  /** Resolves when the outcome, if it is to be recorded, is durable. */
  async #take(file: FoundFile, outcome: DecodeOutcome, seconds: number): Promise<void> {
    const { nowMs, monotonicMs } = this.#dependencies;
    if (outcome.kind === 'gone' || outcome.kind === 'changed') {
      this.#settling.settleAgain(file, monotonicMs());
      return;
    }
    const { share } = this.#dependencies.ledger;
    if (outcome.kind === 'process_core' || isCountedElsewhere(share, file.path, outcome)) {
      this.#ignore(file);
      return;
    }
    const ageMs = Math.abs(nowMs() - file.mtimeMs); // mtime may be in the future: clocks differ
    if (mayStillBeWritten(outcome) && this.#settling.waitForRest(file, monotonicMs(), ageMs)) {
      return;
    }
    if (outcome.kind === 'report') await this.#takeReport(file, outcome, seconds);
    else await this.#takeFailure(file, outcome, seconds);
  }

  #takeReport(file: FoundFile, { report, content }: ReportOutcome, seconds: number): Promise<void> {
    const { log, observeDecode } = this.#dependencies;
    const { root, path, version } = file;
    this.#unreadable.remove(path);
    observeDecode(seconds);
    logReport(log, path, report);
    const recorded = this.#record({ root, path, version, content, kind: 'report', report });
    if (report.hwerr.kind === 'unreadable') {
      this.#settling.done(file, 'failed');
      return recorded;
    }
    return recorded.then(() => {
      this.#decoded++;
      this.#settling.done(file, report.incomplete ? 'incomplete' : 'complete');
    });
  }

  async #takeFailure(file: FoundFile, outcome: FailureOutcome, seconds: number): Promise<void> {
    const { content } = outcome;
    const failure = failureOfFile(file, outcome.failure);
    const { log, observeDecode, monotonicMs } = this.#dependencies;
    const { root, path, version } = file;
    const { reason, message } = failure;
    if (isIgnorable(file, failure)) {
      this.#ignore(file);
      return;
    }
    if (isTransient(reason)) {
      this.#settling.retryLater(file, monotonicMs());
      if (!this.#unreadable.add(root, path, failure)) return;
    } else {
      this.#settling.done(file, 'failed');
      this.#unreadable.remove(path);
    }
    observeDecode(seconds);
    log.error('dump not decoded', { path, reason, error: message });
    await this.#record({ root, path, version, content, kind: 'failure', failure });
  }

  #ignore(file: FoundFile): void {
    this.#settling.done(file, 'ignored');
    if (this.#unreadable.remove(file.path)) this.#dependencies.ledger.recovered(file.path, true);
  }

  /** Resolves when the outcome is durable. */
  #record(outcome: FileOutcome): Promise<void> {
    const unlisted = this.#unreadable.above(outcome.path);
    const recorded = this.#dependencies.ledger.record(
      unlisted.length > 0 ? { ...outcome, unlisted } : outcome,
    );
    this.#unrecorded.add(recorded);
    void recorded.finally(() => this.#unrecorded.delete(recorded));
    return recorded;
  }
}
