// Commands on a shared ledger, while collectors write it.

import type { CrashFilter } from '../selection.ts';
import type { Crash } from './crash.ts';
import { Postgres } from './postgres.ts';
import { eachCrash } from './postgres-walk.ts';
import { type Recorded, recordRepair } from './repair.ts';
import { nextCrashes } from './selection.ts';

/** Iterates over the selected crashes, newest first. @throws StoreError. */
export async function* readSharedCrashes(url: string, filter: CrashFilter): AsyncGenerator<Crash> {
  const database = new Postgres(url);
  try {
    await database.requireCurrent();
    yield* eachCrash((last) => database.read(nextCrashes(filter, last)));
  } finally {
    await database.close();
  }
}

/** Records that a host was repaired. @throws StoreError; UnknownHost. */
export async function repairedShared(
  url: string,
  host: string | undefined,
  note: string,
): Promise<Recorded> {
  const database = new Postgres(url);
  try {
    await database.requireCurrent();
    return await database.write(recordRepair(host, note, Math.floor(Date.now() / 1000)));
  } finally {
    await database.close();
  }
}

/**
 * Creates the tables if necessary.
 *
 * @returns the name of the ledger.
 * @throws StoreError if it cannot be used or created.
 */
export async function checkShared(url: string): Promise<string> {
  const database = new Postgres(url);
  try {
    await database.migrate();
    return database.name;
  } finally {
    await database.close();
  }
}
