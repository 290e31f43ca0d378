// hwerr-exporter repaired: the operator says that a host was repaired. The daemon may be running; it
// notices by itself.

import { repaired } from '../ledger/repair.ts';
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
export function repairedCommand(
  directory: string,
  { host, note }: RepairedOptions,
  print: (text: string) => void,
): void {
  const { repair, isNew } = repaired(directory, host, note);
  const what = isNew ? 'recorded' : 'known already';
  print(
    `repair of ${shown(repair.host)} ${what}: its crashes up to now no longer count as recent\n`,
  );
}
