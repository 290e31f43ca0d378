// The first look at every directory, until each file that it found has been decoded or put off. Pure.
// Until then the crashes are not all known: counters that appear would look like crashes of now.

import type { FoundFile } from './scan.ts';

export class FirstPass {
  /** Roots that were not looked at yet. */
  readonly #roots: Set<string>;
  /** Files to be decoded, by path. */
  readonly #files = new Map<string, FoundFile>();

  constructor(roots: Iterable<string>) {
    this.#roots = new Set(roots);
  }

  get isOver(): boolean {
    return this.#roots.size === 0 && this.#files.size === 0;
  }

  /**
   * Take in what a look at a root found; nothing where it could not be looked at.
   *
   * @param waiting its files that are to be decoded. One that changed, vanished, or came later than the
   *   first look is not waited for.
   */
  looked(root: string, waiting: readonly FoundFile[]): void {
    if (this.isOver) return;
    const isFirst = this.#roots.delete(root);
    const versions = new Map(waiting.map(({ path, version }) => [path, version]));
    for (const { path, version, root: of } of this.#files.values()) {
      if (of === root && versions.get(path) !== version) this.#files.delete(path);
    }
    if (!isFirst) return;
    // What its writer has not finished may take long: it is no part of the pass.
    for (const file of waiting) {
      if (file.saved !== 'writing' && !file.isUnfinished) this.#files.set(file.path, file);
    }
  }

  /** Its decode ended, whatever came of it. */
  answered(path: string): void {
    this.#files.delete(path);
  }
}
