// hwerr-exporter repaired: the operator acknowledges the repair of a host. The daemon may be running and
// notices by itself.

import type { Config } from '../config.ts';
import { type Recorded, repaired } from '../ledger/repair.ts';
import { shown } from './shown.ts';

/** The repaired host and the operator's note. */
export interface RepairedOptions {
  /** undefined: the only host in the ledger. */
  readonly host: string | undefined;
  readonly note: string;
}

/**
 * Records the repair and prints a confirmation.
 *
 * @param print writes to standard output.
 * @throws UnknownHost; StoreError if there is no ledger or it cannot be written.
 */
export async function repairedCommand(
  place: Pick<Config, 'ledgerPath' | 'ledgerUrl'>,
  { host, note }: RepairedOptions,
  print: (text: string) => void,
): Promise<void> {
  const { repair, isNew } = await record(place, host, note);
  const what = isNew ? 'recorded' : 'known already';
  print(
    `repair of ${shown(repair.host)} ${what}: its crashes up to now no longer count as recent\n`,
  );
}

async function record(
  { ledgerPath, ledgerUrl }: Pick<Config, 'ledgerPath' | 'ledgerUrl'>,
  host: string | undefined,
  note: string,
): Promise<Recorded> {
  if (ledgerUrl === undefined) return repaired(ledgerPath, host, note);
  const { repairedShared } = await import('../ledger/postgres-commands.ts');
  return repairedShared(ledgerUrl, host, note);
}
