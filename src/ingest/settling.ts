// Decides which files are ready to be decoded: those that stopped changing. Pure bookkeeping over the results
// of scans and decodes; the time is an argument, from a monotonic clock.
//
//   found ──▶ still ──for the settle time──▶ decoding ──▶ done
//               ▲                              │  ▲
//               └───────any change─────────────┘  │
//                  truncated or unreadable? still for longer, and longer each time

import { relative } from 'node:path';
import type { FoundFile } from './scan.ts';

/** How long a truncated dump must not change until it counts as finished, because writers pause. */
export const GRACE_MS = 60_000;
/** Maximum time between two tries of a file that cannot be read. */
const MAX_RETRY_MS = 600_000;

/** Maximum number of groups whose turns are remembered; beyond it, all turns are forgotten. */
const MAX_GROUPS = 100_000;

type State =
  | { readonly kind: 'still'; readonly sinceMs: number; readonly neededMs: number }
  | { readonly kind: 'decoding' }
  | { readonly kind: 'done'; readonly result: FileResult };

/** The result of a file. `ignored`: not a dump, and not named like one. */
export type FileResult = 'complete' | 'incomplete' | 'failed' | 'ignored';

interface Entry {
  file: FoundFile;
  readonly group: string;
  state: State;
  /** Tries that ended in a longer wait. */
  tries: number;
}

/** How long files must not change before they are decoded, ms. */
export interface SettlingOptions {
  /** The settle time of most files. */
  readonly settleMs: number;
  /** The settle time of files whose names mark them as incomplete. */
  readonly incompleteAfterMs: number;
  /** Wall clock, ms. */
  readonly nowMs: () => number;
}

/** The state of every file that the last scans found. Times are ms of a monotonic clock. */
export class Settling {
  readonly #options: SettlingOptions;
  readonly #entries = new Map<string, Entry>();
  /** Number of the last turn of each group of files; see groupOf(). */
  readonly #served = new Map<string, number>();
  #turn = 0;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /**
   * Records the result of a scan of a root: new and changed files begin to settle, vanished ones are removed.
   *
   * @param resultOf returns the result of an earlier run, if there is one.
   * @returns the number of new files, and the paths of those that vanished.
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
      // An incomplete file is not counted: it will be renamed when complete.
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
   * Takes the first of the due files, which are then being decoded. Untried files come before all others.
   * Groups (hosts or directories) take turns, the one that waited longest first; within a group the newest
   * file comes first. Takes at least 1/64 of the due files, so that the scan over all entries is amortised.
   */
  takeReady(nowMs: number, minCount: number): FoundFile[] {
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
    const limit = Math.max(minCount, Math.ceil(due.length / 64));
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

  /** Makes files that were taken but not decoded due again after `forMs`. */
  postpone(files: readonly FoundFile[], nowMs: number, forMs: number): void {
    for (const file of files) this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs: forMs });
  }

  /** Returns the number of due files. */
  readyCount(nowMs: number): number {
    let count = 0;
    for (const { state } of this.#entries.values()) if (dueMs(state) <= nowMs) count++;
    return count;
  }

  /** Returns when the next file of a root becomes due, ignoring those due by `afterMs`; undefined: none. */
  nextDueMs(root: string, afterMs: number): number | undefined {
    let next = Infinity;
    for (const { file, state } of this.#entries.values()) {
      const due = dueMs(state);
      if (due > afterMs && due < next && file.root === root) next = due;
    }
    return Number.isFinite(next) ? next : undefined;
  }

  /** Records the result of a file, which is not decoded again until it changes. */
  done(file: FoundFile, result: FileResult): void {
    this.#set(file, { kind: 'done', result });
  }

  /** Lets a file settle again that changed while it was read, or was missing for a moment. */
  settleAgain(file: FoundFile, nowMs: number): void {
    this.#set(file, this.#settle(file, nowMs, true));
  }

  /**
   * Decides whether to wait for the rest of a truncated file: its writer may have paused, unless the kdump
   * tool has finished.
   *
   * @param ageMs time since its last change, by the wall clock; a file that was old when found is not waited
   *   for.
   * @returns whether to wait; false once it has not changed for the grace time.
   */
  waitForRest(file: FoundFile, nowMs: number, ageMs: number): boolean {
    const entry = this.#entries.get(file.path);
    if (file.saved === 'whole') return false;
    // Uses the entry, not `file`: the kdump tool may have finished since.
    if (file.isUnfinished || entry?.file.saved === 'written' || ageMs >= GRACE_MS) return false;
    if (entry !== undefined && entry.tries > 0) return false;
    this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs: GRACE_MS }, 1);
    return true;
  }

  /** Makes a file that could not be read due again, after a longer time with each try. */
  retryLater(file: FoundFile, nowMs: number): void {
    const tries = (this.#entries.get(file.path)?.tries ?? 0) + 1;
    const neededMs = Math.min(2 ** tries * Math.max(this.#options.settleMs, 1000), MAX_RETRY_MS);
    this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs }, tries);
  }

  /** Whether this version of the file waits to be decoded. */
  isDueAgain(file: FoundFile): boolean {
    const entry = this.#entries.get(file.path);
    return entry?.file.version === file.version && entry.state.kind === 'still';
  }

  /** Whether this version of the file is still to be decoded for the first time. */
  isUntried(file: FoundFile): boolean {
    const entry = this.#entries.get(file.path);
    if (entry?.file.version !== file.version) return false;
    return entry.state.kind !== 'done' && entry.tries === 0;
  }

  /** Whether the last scan saw the file. */
  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Returns the files on disk that have this result. */
  filesWithResult(result: FileResult): FoundFile[] {
    const files: FoundFile[] = [];
    for (const { file, state } of this.#entries.values()) {
      if (state.kind === 'done' && state.result === result) files.push(file);
    }
    return files;
  }

  /** Records a new status from the kdump tool for a file that did not change. */
  #onFileEvent(entry: Entry, file: FoundFile, nowMs: number): void {
    entry.file = file;
    if (entry.state.kind !== 'still' || file.saved !== 'written') return;
    entry.state = { kind: 'still', sinceMs: nowMs, neededMs: 0 };
  }

  /**
   * Returns the initial wait of a file. A tool that began to write and reports nothing more may be dead.
   *
   * @param hasChanged whether a scan saw it change; otherwise it has not changed for its age.
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

/** The directory below the root that contains a file: a host in a central store, a crash elsewhere. */
function groupOf({ root, path }: FoundFile): string {
  const [directory, ...rest] = relative(root, path).split('/');
  return rest.length > 0 ? `${root}/${directory}` : root;
}

function dueMs(state: State): number {
  return state.kind === 'still' ? state.sinceMs + state.neededMs : Infinity;
}
