// The names of the hosts in a ledger.

import { type Work, rows } from './statements.ts';

/**
 * Returns the hosts recorded first, in that order. Leaves out hosts without a crash: a crash counted for a
 * fallback is moved when its host becomes known.
 *
 * @param limit maximum number of names.
 */
export function* readHosts(maxHosts: number, limit: number): Work<readonly string[]> {
  const found = yield* rows(
    `SELECT name FROM host
       WHERE number <= :hosts AND EXISTS (SELECT 1 FROM crash WHERE crash.host = host.name)
       ORDER BY number LIMIT :limit`,
    { hosts: maxHosts, limit },
  );
  return found.map(({ name }) => String(name));
}
