// Reads the ledger of a directory, also while a daemon writes it.

import type { Crash } from './crash.ts';
import type { CrashFilter } from '../selection.ts';
import { nextCrashes } from './selection.ts';
import { Store } from './store.ts';

/**
 * Reads the selected crashes, newest first.
 *
 * @throws StoreError if there is no ledger or it cannot be read.
 */
export function readCrashes(
  directory: string,
  filter: CrashFilter,
  read: (crashes: Iterable<Crash>) => void,
): void {
  const store = Store.openCurrent(directory);
  try {
    read(eachCrash(store, filter));
  } finally {
    store.close();
  }
}

/** Iterates over the selected crashes, newest first. @throws StoreError. */
export function* eachCrash(store: Store, filter: CrashFilter = {}): Generator<Crash> {
  let crashes = store.do(nextCrashes(filter, undefined));
  while (crashes.length > 0) {
    yield* crashes;
    crashes = store.do(nextCrashes(filter, crashes.at(-1)));
  }
}
