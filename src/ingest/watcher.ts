// File-system events, only as a hint that a directory is worth a scan before its time.
// Directories are watched, not files: a directory's watch reports what happens to its files, and a
// store of many dumps does not use up the kernel's inotify watches.

import { FSWatcher } from 'chokidar';
import { shownPath } from '../file-path.ts';

/** The watches of one root. */
export interface Watcher {
  /**
   * Watch these directories too, if it does not: it misses what is made while it begins. chokidar
   * knows names as text alone: what lies in a directory whose name is none is left to the scans.
   */
  cover(directories: readonly string[]): void;
  close(): Promise<void>;
}

/** What is called when the watches see something, or fail. */
export interface WatcherEvents {
  /** From now on changes are seen: those before this moment may not have been. */
  readonly onReady: () => void;
  /** Something happened below the root. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/** Entries of a directory that are looked at together: what comes back of them is handled in one go. */
const ENTRIES_AT_ONCE = 8;

/**
 * chokidar, but for what it does with a path that is not there: it adds the parent, waiting for that
 * name. After a prune each name would be one more watch that reads the whole parent at every change,
 * and none would ever end. And it looks at 256 entries together: in a backlog of 10,000 dumps the event
 * loop then stood still for 25 ms (p99), 10 with 8 entries.
 */
class DirectoryWatcher extends FSWatcher {
  override add(paths: string | string[], missingName?: string): this {
    if (missingName === undefined) super.add(paths);
    return this;
  }

  override _readdirp(
    ...[root, options]: Parameters<FSWatcher['_readdirp']>
  ): ReturnType<FSWatcher['_readdirp']> {
    return super._readdirp(root, { ...options, highWaterMark: ENTRIES_AT_ONCE });
  }
}

/** Watch one directory. It does not survive the directory: watch again when that was recreated. */
export function watchDirectory(root: string, events: WatcherEvents): Watcher {
  const watcher = new DirectoryWatcher({
    ignored: (_path, stats) => stats?.isFile() ?? false,
    ignoreInitial: true,
    followSymlinks: false,
    depth: 4,
  });
  watcher.on('raw', events.onChange);
  watcher.on('all', events.onChange);
  watcher.on('error', events.onError);
  watcher.add(root);
  let isReady = false;
  watcher.once('ready', () => {
    isReady = true;
    events.onReady();
  });
  return {
    cover(directories): void {
      // Before it is ready it is still finding them; and what is closed, add() would open again.
      if (!isReady || watcher.closed) return;
      const watched = watcher.getWatched();
      const missed = directories.filter(
        (directory) => !(directory in watched) && shownPath(directory) === directory,
      );
      if (missed.length > 0) watcher.add(missed);
    },
    close: () => watcher.close(),
  };
}
