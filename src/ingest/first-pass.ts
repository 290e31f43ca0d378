// The first look at every directory, until each file that it found has been tried once. Pure. Until
// then the crashes are not all known: counters that appear would look like crashes of now.

import type { FoundFile } from './scan.ts';

/**
 * How far it is: `partial` when only directories that do not answer are left, whose dumps may be of any
 * number of crashes; `over` when nothing is.
 */
type FirstPassProgress = 'running' | 'partial' | 'over';

/** Which files that were there at the start still wait for their first decode. */
export class FirstPass {
  /** Roots that were not looked at yet, or do not answer any more; whether they are waited for. */
  readonly #roots: Map<string, 'awaited' | 'silent'>;
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
   * Take in what a look at a root found; nothing where there is no such directory.
   *
   * @param untried its files that are to be decoded for the first time. One that changed, vanished, or
   *   came later than the first look is not waited for.
   */
  looked(root: string, untried: readonly FoundFile[]): void {
    if (this.progress === 'over') return;
    const isFirst = this.#roots.delete(root);
    const versions = new Map(untried.map(({ path, version }) => [path, version]));
    for (const { path, version, root: of } of this.#files.values()) {
      if (of === root && versions.get(path) !== version) this.#files.delete(path);
    }
    if (!isFirst) return;
    // A file that is still being written may take long: it is not part of the pass.
    for (const file of untried) {
      if (file.saved === 'whole' || (file.saved !== 'writing' && !file.isUnfinished))
        this.#files.set(file.path, file);
    }
  }

  /** Its decode ended, whatever came of it. */
  answered(path: string): void {
    this.#files.delete(path);
  }

  /** The root cannot be read, or hangs: it is not waited for until it is looked at again. */
  isSilent(root: string): void {
    if (this.progress === 'over') return;
    this.#roots.set(root, 'silent');
    for (const { path, root: of } of this.#files.values()) {
      if (of === root) this.#files.delete(path);
    }
  }
}
