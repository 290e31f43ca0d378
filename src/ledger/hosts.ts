// The hosts of a ledger.

import { type Work, rows } from './statements.ts';

/**
 * Names of the hosts that became known first, without those that have no crash any more: one that a
 * crash was counted for while nothing named its host.
 *
 * @param limit more are not needed.
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
