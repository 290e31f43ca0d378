// hwerr-exporter repaired: the operator says that a host was repaired. The daemon may be running; it
// notices by itself.

import type { Config } from '../config.ts';
import { type Recorded, repaired } from '../ledger/repair.ts';
import { shown } from './shown.ts';

/** Which host was repaired, and what the operator says of it. */
export interface RepairedOptions {
  /** undefined: the only host that the ledger knows. */
  readonly host: string | undefined;
  readonly note: string;
}

/**
 * @param print takes a piece of standard output.
 * @throws UnknownHost; StoreError when there is no ledger, or it cannot be written.
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
