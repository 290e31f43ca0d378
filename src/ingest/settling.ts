// Which files are ready to be decoded: those that stopped changing. Pure bookkeeping over what scans
// found and what decodes answered; the time comes in as an argument, from a clock that nobody sets.
//
//   found ──▶ still ──for the settle time──▶ decoding ──▶ done
//               ▲                              │  ▲
//               └───────any change─────────────┘  │
//                  broke off, or unreadable? still for longer, and longer each time

import type { FoundFile } from './scan.ts';

/** How long a dump that broke off must lie still before it is taken for finished: writers pause. */
export const GRACE_MS = 60_000;
/** What could not be read may be readable later: the time between two tries grows up to this. */
const LONGEST_RETRY_MS = 600_000;

type State =
  | { readonly kind: 'still'; readonly sinceMs: number; readonly neededMs: number }
  | { readonly kind: 'decoding' }
  | { readonly kind: 'done'; readonly verdict: Verdict };

/** What a file turned out to be. `ignored`: no dump, and nothing says that it should be one. */
export type Verdict = 'complete' | 'incomplete' | 'failed' | 'ignored';

interface Entry {
  file: FoundFile;
  state: State;
  /** Tries that ended in waiting for longer. */
  tries: number;
}

export class Settling {
  readonly #settleMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /**
   * Take in what a scan of a root found: new and changed files begin to settle, vanished ones are
   * forgotten.
   *
   * @param verdictOf what is known of a file from an earlier run.
   * @returns how many of the files were not known before, and how many vanished.
   */
  update(
    root: string,
    files: readonly FoundFile[],
    nowMs: number,
    verdictOf: (file: FoundFile) => Verdict | undefined,
  ): { readonly discovered: number; readonly vanished: number } {
    const present = new Set<string>();
    let discovered = 0;
    for (const file of files) {
      present.add(file.path);
      const known = this.#entries.get(file.path);
      if (known?.file.version === file.version) {
        if (known.file.saved !== file.saved) this.#hear(known, file, nowMs);
        continue;
      }
      if (known === undefined) discovered++;
      const verdict = verdictOf(file);
      const state: State =
        verdict === undefined ? this.#settle(file, nowMs) : { kind: 'done', verdict };
      this.#entries.set(file.path, { file, state, tries: 0 });
    }
    let vanished = 0;
    for (const [path, { file }] of this.#entries) {
      if (file.root !== root || present.has(path)) continue;
      this.#entries.delete(path);
      vanished++;
    }
    return { discovered, vanished };
  }

  /**
   * The first of the files that are due, from now on being decoded: the roots take turns, and of each
   * root its newest come first. So many of them that what is due is gone through few times.
   */
  takeReady(nowMs: number, atLeast: number): FoundFile[] {
    const byRoot = new Map<string, Entry[]>();
    let ready = 0;
    for (const entry of this.#entries.values()) {
      if (dueMs(entry.state) > nowMs) continue;
      ready++;
      const ofRoot = byRoot.get(entry.file.root);
      if (ofRoot === undefined) byRoot.set(entry.file.root, [entry]);
      else ofRoot.push(entry);
    }
    const queues = [...byRoot.values()].map((entries) =>
      entries.sort((a, b) => a.file.mtimeMs - b.file.mtimeMs),
    );
    const limit = Math.max(atLeast, Math.ceil(ready / 64));
    const taken: FoundFile[] = [];
    while (taken.length < limit && queues.some((queue) => queue.length > 0)) {
      for (const queue of queues) {
        const entry = taken.length < limit ? queue.pop() : undefined;
        if (entry === undefined) continue;
        entry.state = { kind: 'decoding' };
        taken.push(entry.file);
      }
    }
    return taken;
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
  done(file: FoundFile, verdict: Verdict): void {
    this.#set(file, { kind: 'done', verdict });
  }

  /** The file was written to while it was read, or was not there for a moment. */
  again(file: FoundFile, nowMs: number): void {
    this.#set(file, this.#settle(file, nowMs));
  }

  /**
   * The file broke off. Its writer may have paused, unless the kdump tool says that it is through.
   *
   * @param ageMs since its last change, by the wall clock: one that was old when it was found.
   * @returns whether to wait; false when it has been still for the grace time.
   */
  waitForRest(file: FoundFile, nowMs: number, ageMs: number): boolean {
    const entry = this.#entries.get(file.path);
    // Not what `file` says: the tool may have spoken since.
    if (entry?.file.saved === 'written' || ageMs >= GRACE_MS) return false;
    if (entry !== undefined && entry.tries > 0) return false;
    this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs: GRACE_MS }, 1);
    return true;
  }

  /** The file could not be read, which may heal: it is due again, each time after a longer while. */
  retryLater(file: FoundFile, nowMs: number): void {
    const tries = (this.#entries.get(file.path)?.tries ?? 0) + 1;
    const neededMs = Math.min(2 ** tries * Math.max(this.#settleMs, 1000), LONGEST_RETRY_MS);
    this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs }, tries);
  }

  /** Whether the file waits to be decoded in the state that it was found in. */
  isDueAgain(file: FoundFile): boolean {
    const entry = this.#entries.get(file.path);
    return entry?.file.version === file.version && entry.state.kind === 'still';
  }

  /** Whether the file is still to be decoded in the state that it was found in. */
  isWaiting(file: FoundFile): boolean {
    const entry = this.#entries.get(file.path);
    return entry?.file.version === file.version && entry.state.kind !== 'done';
  }

  /** Whether the last scan saw the file. */
  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** The files on disk that turned out to be so. */
  filesThatAre(verdict: Verdict): FoundFile[] {
    const files: FoundFile[] = [];
    for (const { file, state } of this.#entries.values()) {
      if (state.kind === 'done' && state.verdict === verdict) files.push(file);
    }
    return files;
  }

  /** The kdump tool says something new of a file that did not change. */
  #hear(entry: Entry, file: FoundFile, nowMs: number): void {
    entry.file = file;
    if (entry.state.kind !== 'still' || file.saved !== 'written') return;
    entry.state = { kind: 'still', sinceMs: nowMs, neededMs: 0 };
  }

  /** A tool that began to write and says nothing more may be dead. */
  #settle({ saved }: FoundFile, nowMs: number): State {
    const neededMs = saved === 'writing' ? Math.max(GRACE_MS, this.#settleMs) : this.#settleMs;
    return { kind: 'still', sinceMs: nowMs, neededMs };
  }

  #set(file: FoundFile, state: State, tries?: number): void {
    const entry = this.#entries.get(file.path);
    if (entry?.file.version !== file.version) return;
    entry.state = state;
    entry.tries = tries ?? entry.tries;
  }
}

function dueMs(state: State): number {
  return state.kind === 'still' ? state.sinceMs + state.neededMs : Infinity;
}
