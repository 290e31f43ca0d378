// The first pass over all directories, which ends when each file found by the first scans has been tried
// once. Pure. Before that not all crashes are known, and counters that appear would look like new crashes.

import type { FoundFile } from './scan.ts';

/**
 * `partial`: only unresponsive directories are left, with an unknown number of crashes in their dumps;
 * `over`: nothing is left.
 */
type FirstPassProgress = 'running' | 'partial' | 'over';

/** Tracks which files that existed at the start still wait for their first decode. */
export class FirstPass {
  /** Roots not scanned yet, or unresponsive since; the first pass waits for `awaited` ones. */
  readonly #roots: Map<string, 'awaited' | 'unresponsive'>;
  /** Files to be decoded, by path. */
  readonly #files = new Map<string, FoundFile>();

  constructor(roots: Iterable<string>) {
    this.#roots = new Map([...roots].map((root) => [root, 'awaited']));
  }

  get progress(): FirstPassProgress {
    if (this.#files.size > 0) return 'running';
    if (this.#roots.size === 0) return 'over';
    return [...this.#roots.values()].includes('awaited') ? 'running' : 'partial';
  }

  /**
   * Records the result of a scan; no files if the directory does not exist.
   *
   * @param untried the files of the root to be decoded for the first time. Files that changed, vanished or
   *   appeared after the first scan are not waited for.
   */
  scanned(root: string, untried: readonly FoundFile[]): void {
    if (this.progress === 'over') return;
    const isFirst = this.#roots.delete(root);
    const versions = new Map(untried.map(({ path, version }) => [path, version]));
    for (const { path, version, root: of } of this.#files.values()) {
      if (of === root && versions.get(path) !== version) this.#files.delete(path);
    }
    if (!isFirst) return;
    // A file that is still being written may take long, so it is not part of the pass.
    for (const file of untried) {
      if (file.saved === 'whole' || (file.saved !== 'writing' && !file.isUnfinished))
        this.#files.set(file.path, file);
    }
  }

  /** Records that the decode of a file ended, with any result. */
  tried(path: string): void {
    this.#files.delete(path);
  }

  /** Records that a root cannot be read, or hangs: the pass does not wait for it until it is scanned again. */
  unresponsive(root: string): void {
    if (this.progress === 'over') return;
    this.#roots.set(root, 'unresponsive');
    for (const { path, root: of } of this.#files.values()) {
      if (of === root) this.#files.delete(path);
    }
  }
}
