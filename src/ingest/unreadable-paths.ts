// Files and directories that currently cannot be read; each is reported once until it recovers.

import { dirname } from 'node:path';
import type { Failure } from '../failure.ts';
import type { Logger } from '../log.ts';
import { howToRead } from './permission-hint.ts';

/** Paths that currently cannot be read. Logs each of them once, with advice. */
export class UnreadablePaths {
  readonly #log: Logger;
  /** The root of each path. */
  readonly #roots = new Map<string, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @returns whether the path is new; it is then logged. */
  add(root: string, path: string, failure: Failure): boolean {
    if (this.#roots.has(path)) return false;
    this.#roots.set(path, root);
    void this.#report(path, failure);
    return true;
  }

  /** Returns the directories above a path that are in the set. */
  above(path: string): string[] {
    const found: string[] = [];
    for (let at = path, up = dirname(at); up !== at; at = up, up = dirname(at)) {
      if (this.#roots.has(up)) found.push(up);
    }
    return found;
  }

  /** @returns whether the path was in the set. */
  remove(path: string): boolean {
    return this.#roots.delete(path);
  }

  /**
   * Removes the paths of a root that are readable or gone.
   *
   * @returns these paths.
   */
  removeRecovered(root: string, isUnreadable: (path: string) => boolean): string[] {
    const recovered = [...this.#roots]
      .filter(([path, of]) => of === root && !isUnreadable(path))
      .map(([path]) => path);
    for (const path of recovered) this.#roots.delete(path);
    return recovered;
  }

  async #report(path: string, { reason, message }: Failure): Promise<void> {
    // Decoding may also fail elsewhere, for example at the temporary directory.
    const isItsOwn = reason === 'permission' && message.startsWith(path);
    const hint = isItsOwn ? await howToRead(path) : HINTS[reason];
    this.#log.error('cannot be read', { path, error: message, ...(hint && { hint }) });
  }
}

const HINTS: Readonly<Partial<Record<Failure['reason'], string>>> = {
  permission: 'see the message; it is tried again',
  io: 'look at the disk; it is tried again',
  timeout: 'its mount hangs, or the machine is busy; it is tried again',
};
