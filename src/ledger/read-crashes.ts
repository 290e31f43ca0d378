// The ledger of a directory, read while a daemon may be writing it.

import type { Crash } from './crash.ts';
import { everyCrash } from './selection.ts';
import { Store } from './store.ts';

/**
 * Read its crashes, newest first.
 *
 * @throws StoreError when there is no ledger, or it cannot be read.
 */
export function readCrashes(directory: string, read: (crashes: Iterable<Crash>) => void): void {
  const store = Store.openCurrent(directory);
  try {
    read(everyCrash(store));
  } finally {
    store.close();
  }
}
