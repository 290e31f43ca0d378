// File-system events, used as a hint to scan a directory early. Directories are watched, not files: the watch
// of a directory reports changes of its files, and many dumps do not use up the kernel's inotify watches.

import { FSWatcher } from 'chokidar';
import { shownPath } from '../file-path.ts';

/** The watches of a root. */
export interface Watcher {
  /**
   * Watches those of the directories that are not watched yet: chokidar misses what is created while it starts
   * a watch. It takes names as text only, so directories whose names are not UTF-8 are left to the scans.
   */
  watchMissing(directories: readonly string[]): void;
  close(): Promise<void>;
}

/** Callbacks of the watches. */
export interface WatcherEvents {
  /** Changes are reported from now on; earlier ones may have been missed. */
  readonly onReady: () => void;
  /** Something below the root changed. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/** Directory entries that chokidar examines in parallel; their results are handled in one go. */
const ENTRIES_AT_ONCE = 8;

/**
 * chokidar with two changes. If a path does not exist, chokidar adds the parent and waits for that name: after
 * a prune every name would leave a permanent watch that reads the whole parent at every change. And it
 * examines 256 entries in parallel: with a backlog of 10,000 dumps this blocked the event loop for 25 ms
 * (p99), against 10 ms with 8 entries.
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

/** Watches a directory. The watch ends with the directory: call it again after that was recreated. */
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
    watchMissing(directories): void {
      // Before `ready` chokidar is still finding directories; add() would reopen a closed watcher.
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
