// Where this machine keeps what pstore has of its panics.

import { readdirSync } from 'node:fs';
import { errorCode, messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';

/**
 * The directories to look into. Most machines lack one or both, which is no failure; one that may not
 * be read is named in the log.
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
        log.warn('cannot look for panics in pstore', { directory, error: messageOf(error) });
      }
      return false;
    }
  });
}
