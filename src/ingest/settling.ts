// Which files are ready to be decoded: those that stopped changing. Pure bookkeeping over what scans
// found and what decodes answered; the time comes in as an argument.
//
//   found ──▶ growing ──still for the settle time──▶ decoding ──▶ done
//                ▲                                     │  ▲
//                └───────────any change────────────────┘  │
//                        broke off? waiting ──still for the grace time

import type { FoundFile } from './scan.ts';

type State =
  | { readonly kind: 'still'; readonly sinceMs: number; readonly neededMs: number }
  | { readonly kind: 'decoding' }
  | { readonly kind: 'done'; readonly verdict: Verdict };

/** What a file turned out to be. */
export type Verdict = 'complete' | 'incomplete' | 'failed';

interface Entry {
  readonly file: FoundFile;
  /** Whose scan found it: directories may lie in each other. */
  readonly directory: string;
  state: State;
  /** Whether it lay still for the grace time too: what it says now is what it will ever say. */
  final: boolean;
}

/** A file that is due. */
export interface ReadyFile {
  readonly file: FoundFile;
  readonly final: boolean;
}

export class Settling {
  readonly #settleMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /**
   * Take in what a scan of `directory` found: new and changed files begin to settle, vanished ones
   * are forgotten.
   *
   * @returns how many of the files were not known before.
   */
  update(directory: string, files: readonly FoundFile[], nowMs: number): number {
    const present = new Set<string>();
    let discovered = 0;
    for (const file of files) {
      present.add(file.path);
      const known = this.#entries.get(file.path);
      if (known?.file.version === file.version) continue;
      if (known === undefined) discovered++;
      const state = { kind: 'still', sinceMs: nowMs, neededMs: this.#settleMs } as const;
      this.#entries.set(file.path, { file, directory, state, final: false });
    }
    for (const [path, entry] of this.#entries) {
      if (entry.directory === directory && !present.has(path)) this.#entries.delete(path);
    }
    return discovered;
  }

  /** The files that are due, newest first; from now on they are being decoded. */
  takeReady(nowMs: number): ReadyFile[] {
    const ready: ReadyFile[] = [];
    for (const entry of this.#entries.values()) {
      if (dueMs(entry.state) > nowMs) continue;
      entry.state = { kind: 'decoding' };
      ready.push({ file: entry.file, final: entry.final });
    }
    return ready.sort((a, b) => b.file.mtimeMs - a.file.mtimeMs);
  }

  /** When the next file will be due; undefined when none is settling. */
  nextDueMs(): number | undefined {
    const next = Math.min(...[...this.#entries.values()].map((entry) => dueMs(entry.state)));
    return Number.isFinite(next) ? next : undefined;
  }

  /** The file's answer was taken: it is not looked at again until it changes. */
  done(file: FoundFile, verdict: Verdict): void {
    this.#set(file, { kind: 'done', verdict });
  }

  /** The file broke off, or was written to: it is due again when it lies still for `neededMs`. */
  wait(file: FoundFile, neededMs: number, nowMs: number, final: boolean): void {
    this.#set(file, { kind: 'still', sinceMs: nowMs, neededMs }, final);
  }

  /** Whether the last scan saw the file. */
  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** The files on disk that turned out to be so. */
  filesThatAre(verdict: Verdict): FoundFile[] {
    return [...this.#entries.values()]
      .filter(({ state }) => state.kind === 'done' && state.verdict === verdict)
      .map(({ file }) => file);
  }

  #set(file: FoundFile, state: State, final = false): void {
    const entry = this.#entries.get(file.path);
    if (entry?.file.version !== file.version) return;
    entry.state = state;
    entry.final = final;
  }
}

function dueMs(state: State): number {
  return state.kind === 'still' ? state.sinceMs + state.neededMs : Infinity;
}
