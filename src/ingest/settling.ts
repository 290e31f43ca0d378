// Which files are ready to be decoded: those that stopped changing. Pure bookkeeping over what scans
// found and what decodes answered; the time comes in as an argument, from a monotonic clock.
//
//   found ──▶ still ──for the settle time──▶ decoding ──▶ done
//               ▲                              │  ▲
//               └───────any change─────────────┘  │
//                  broke off, or unreadable? still for longer, and longer each time

import { relative } from 'node:path';
import type { FoundFile } from './scan.ts';

/** How long a dump that broke off must lie still before it is taken for finished: writers pause. */
export const GRACE_MS = 60_000;
/** What could not be read may be readable later: the time between two tries grows up to this. */
const LONGEST_RETRY_MS = 600_000;

/** Groups whose turns are remembered: with more of them all start again. */
const MAX_GROUPS = 100_000;

type State =
  | { readonly kind: 'still'; readonly sinceMs: number; readonly neededMs: number }
  | { readonly kind: 'decoding' }
  | { readonly kind: 'done'; readonly result: FileResult };

/** What a file turned out to be. `ignored`: no dump, and nothing says that it should be one. */
export type FileResult = 'complete' | 'incomplete' | 'failed' | 'ignored';

interface Entry {
  file: FoundFile;
  readonly group: string;
  state: State;
  /** Tries that ended in waiting for longer. */
  tries: number;
}

/** How long files must lie still, ms. */
export interface SettlingOptions {
  /** How long a file must lie still. */
  readonly settleMs: number;
  /** The same for a file whose name says that it is not complete yet. */
  readonly incompleteAfterMs: number;
  /** Of the wall clock. */
  readonly nowMs: () => number;
}

/** What is known of every file that the last scans found; times are ms of a steady clock. */
export class Settling {
  readonly #options: SettlingOptions;
  readonly #entries = new Map<string, Entry>();
  /** When each group of files was served last, by a count of turns; see groupOf(). */
  readonly #served = new Map<string, number>();
  #turn = 0;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /**
   * Take in what a scan of a root found: new and changed files begin to settle, vanished ones are
   * forgotten.
   *
   * @param resultOf what is known of a file from an earlier run.
   * @returns how many of the files were not known before, and the paths of those that vanished.
   */
  update(
    root: string,
    files: readonly FoundFile[],
    nowMs: number,
    resultOf: (file: FoundFile) => FileResult | undefined,
  ): { readonly discovered: number; readonly vanished: readonly string[] } {
    const present = new Set<string>();
    let discovered = 0;
    for (const file of files) {
      present.add(file.path);
      const known = this.#entries.get(file.path);
      if (known?.file.version === file.version) {
        if (known.file.saved !== file.saved) this.#onFileEvent(known, file, nowMs);
        continue;
      }
      // What is not complete yet gets another name when it is.
      if (known === undefined && !file.isUnfinished) discovered++;
      const result = resultOf(file);
      const state: State =
        result === undefined
          ? this.#settle(file, nowMs, known !== undefined)
          : { kind: 'done', result };
      const group = known?.group ?? groupOf(file);
      this.#entries.set(file.path, { file, group, state, tries: 0 });
    }
    const vanished: string[] = [];
    for (const [path, { file }] of this.#entries) {
      if (file.root !== root || present.has(path)) continue;
      this.#entries.delete(path);
      vanished.push(path);
    }
    return { discovered, vanished };
  }

  /**
   * The first of the files that are due, from now on being decoded. Files that were not tried yet come
   * before all others. Groups, which are hosts or directories, take turns, whichever waited longest
   * first, and of each group its newest file. At least 1/64 of the files that are due, so that going
   * through all of them stays cheap.
   */
  takeReady(nowMs: number, atLeast: number): FoundFile[] {
    const due: Entry[] = [];
    for (const entry of this.#entries.values()) if (dueMs(entry.state) <= nowMs) due.push(entry);
    const untried = due.filter(({ tries }) => tries === 0);
    const groups = Map.groupBy(untried.length > 0 ? untried : due, ({ group }) => group);
    const queues = Array.from(groups, ([group, entries]) => {
      entries.sort((one, other) => one.file.mtimeMs - other.file.mtimeMs);
      const served = this.#served.get(group) ?? 0;
      return { group, entries, served, newestMs: entries.at(-1)?.file.mtimeMs ?? 0 };
    }).sort((one, other) => one.served - other.served || other.newestMs - one.newestMs);
    if (this.#served.size > MAX_GROUPS) this.#served.clear();
    const limit = Math.max(atLeast, Math.ceil(due.length / 64));
    const taken: FoundFile[] = [];
    while (taken.length < limit && queues.some(({ entries }) => entries.length > 0)) {
      for (const { group, entries } of queues) {
        const entry = taken.length < limit ? entries.pop() : undefined;
        if (entry === undefined) continue;
        this.#served.set(group, ++this.#turn);
        entry.state = { kind: 'decoding' };
        taken.push(entry.file);
      }
    }
    return taken;
  }

  /** Files that were taken and not decoded: they are due again after a while. */
  postpone(files: readonly FoundFile[], nowMs: number, forMs: number): void {
    for (const file of files) this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs: forMs });
  }

  /** How many files are due. */
  readyCount(nowMs: number): number {
    let count = 0;
    for (const { state } of this.#entries.values()) if (dueMs(state) <= nowMs) count++;
    return count;
  }

  /** When the next file of a root will be due, of those that were not by `afterMs`; undefined: none. */
  nextDueMs(root: string, afterMs: number): number | undefined {
    let next = Infinity;
    for (const { file, state } of this.#entries.values()) {
      const due = dueMs(state);
      if (due > afterMs && due < next && file.root === root) next = due;
    }
    return Number.isFinite(next) ? next : undefined;
  }

  /** The file's answer was taken: it is not looked at again until it changes. */
  done(file: FoundFile, result: FileResult): void {
    this.#set(file, { kind: 'done', result });
  }

  /** The file was written to while it was read, or was not there for a moment. */
  again(file: FoundFile, nowMs: number): void {
    this.#set(file, this.#settle(file, nowMs, true));
  }

  /**
   * The file broke off. Its writer may have paused, unless the kdump tool says that it is through.
   *
   * @param ageMs since its last change, by the wall clock: one that was old when it was found.
   * @returns whether to wait; false when it has been still for the grace time.
   */
  waitForRest(file: FoundFile, nowMs: number, ageMs: number): boolean {
    const entry = this.#entries.get(file.path);
    if (file.saved === 'whole') return false;
    // Not what `file` says: the tool may have spoken since.
    if (file.isUnfinished || entry?.file.saved === 'written' || ageMs >= GRACE_MS) return false;
    if (entry !== undefined && entry.tries > 0) return false;
    this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs: GRACE_MS }, 1);
    return true;
  }

  /** The file could not be read, which may pass: it is due again, each time after a longer while. */
  retryLater(file: FoundFile, nowMs: number): void {
    const tries = (this.#entries.get(file.path)?.tries ?? 0) + 1;
    const neededMs = Math.min(
      2 ** tries * Math.max(this.#options.settleMs, 1000),
      LONGEST_RETRY_MS,
    );
    this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs }, tries);
  }

  /** Whether the file waits to be decoded in the state that it was found in. */
  isDueAgain(file: FoundFile): boolean {
    const entry = this.#entries.get(file.path);
    return entry?.file.version === file.version && entry.state.kind === 'still';
  }

  /** Whether the file is to be decoded for the first time in the state that it was found in. */
  isUntried(file: FoundFile): boolean {
    const entry = this.#entries.get(file.path);
    if (entry?.file.version !== file.version) return false;
    return entry.state.kind !== 'done' && entry.tries === 0;
  }

  /** Whether the last scan saw the file. */
  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** The files on disk that turned out to be so. */
  filesThatAre(result: FileResult): FoundFile[] {
    const files: FoundFile[] = [];
    for (const { file, state } of this.#entries.values()) {
      if (state.kind === 'done' && state.result === result) files.push(file);
    }
    return files;
  }

  /** The kdump tool says something new of a file that did not change. */
  #onFileEvent(entry: Entry, file: FoundFile, nowMs: number): void {
    entry.file = file;
    if (entry.state.kind !== 'still' || file.saved !== 'written') return;
    entry.state = { kind: 'still', sinceMs: nowMs, neededMs: 0 };
  }

  /**
   * How long it has to lie still. A tool that began to write and says nothing more may be dead.
   *
   * @param hasChanged it was seen changing; otherwise it has been still for as long as it is old.
   */
  #settle(file: FoundFile, nowMs: number, hasChanged: boolean): State {
    const { settleMs, incompleteAfterMs } = this.#options;
    let neededMs = settleMs;
    if (file.saved === 'whole') {
      neededMs = 0;
    } else if (file.isUnfinished) {
      const ageMs = hasChanged ? 0 : Math.abs(this.#options.nowMs() - file.mtimeMs);
      neededMs = Math.max(settleMs, incompleteAfterMs - ageMs);
    } else if (file.saved === 'writing') {
      neededMs = Math.max(GRACE_MS, settleMs);
    }
    return { kind: 'still', sinceMs: nowMs, neededMs };
  }

  #set(file: FoundFile, state: State, tries?: number): void {
    const entry = this.#entries.get(file.path);
    if (entry?.file.version !== file.version) return;
    entry.state = state;
    entry.tries = tries ?? entry.tries;
  }
}

/** The directory below the root that a file is in: a host in a central store, a crash elsewhere. */
function groupOf({ root, path }: FoundFile): string {
  const [directory, ...rest] = relative(root, path).split('/');
  return rest.length > 0 ? `${root}/${directory}` : root;
}

function dueMs(state: State): number {
  return state.kind === 'still' ? state.sinceMs + state.neededMs : Infinity;
}
