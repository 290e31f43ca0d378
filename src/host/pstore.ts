// The directories in which this machine keeps the panics in its pstore.

import { readdirSync } from 'node:fs';
import { errorCode, messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';

/**
 * Returns the directories that can be read. Most machines lack one or both, which is no failure; others that
 * cannot be read are logged.
 */
export function pstoreDirectories(
  paths: readonly string[],
  log: Pick<Logger, 'warn'>,
): readonly string[] {
  return paths.filter((directory) => {
    try {
      readdirSync(directory);
      return true;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') {
        log.warn('cannot list the records of pstore', { directory, error: messageOf(error) });
      }
      return false;
    }
  });
}
