// A logger that remembers.

import { type Logger, createLogger } from '../../../src/log.ts';

export interface MemoryLog {
  readonly log: Logger;
  /** Everything logged so far, as logfmt lines. */
  readonly lines: readonly string[];
}

export function memoryLog(): MemoryLog {
  const lines: string[] = [];
  return { log: createLogger('debug', 'logfmt', (line) => lines.push(line)), lines };
}
