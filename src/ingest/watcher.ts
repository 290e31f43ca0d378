// File-system events, only as a hint that a directory is worth a scan before its time.
// Directories are watched, not files: a directory's watch reports what happens to its files, and a
// store of many dumps does not use up the kernel's inotify watches.

import { type FSWatcher, watch } from 'chokidar';

export interface Watcher {
  close(): Promise<void>;
}

export interface WatcherEvents {
  /** From now on changes are seen: those before this moment may not have been. */
  readonly onReady: () => void;
  /** Something happened below a root. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

export function watchDirectories(roots: readonly string[], events: WatcherEvents): Watcher {
  const watcher: FSWatcher = watch([...roots], {
    ignored: (_path, stats) => stats?.isFile() ?? false,
    ignoreInitial: true,
    followSymlinks: false,
    depth: 4,
  });
  watcher.on('ready', events.onReady);
  watcher.on('raw', events.onChange);
  watcher.on('all', events.onChange);
  watcher.on('error', events.onError);
  return { close: () => watcher.close() };
}
