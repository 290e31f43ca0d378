// The crashes of a ledger that a daemon may be writing at this moment: LMDB lets others read.

import type { Crash } from './crash.ts';
import { Store } from './store.ts';
import { LAYOUT, newestCrashes } from './tables.ts';

/**
 * Read them, newest first.
 *
 * @throws StoreError when there is no ledger, or it cannot be read.
 */
export async function readCrashes(
  directory: string,
  read: (crashes: Iterable<Crash>) => void,
): Promise<void> {
  const store = Store.open(directory, 'read', LAYOUT);
  try {
    read(newestCrashes(store.tables));
  } finally {
    await store.close();
  }
}
