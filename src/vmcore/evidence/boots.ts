// Logs of several boots. Times since boot mean nothing in another boot, nor is an error of one the cause of a crash
// of another.

import type { LogRecord } from '../printk/record.ts';

/** Returns the records of each boot, in order; of none, one without records. */
export function bootsOf(records: readonly LogRecord[]): readonly (readonly LogRecord[])[] {
  const starts = records.flatMap(({ beginsBoot }, i) => (beginsBoot === true && i > 0 ? [i] : []));
  return [0, ...starts].map((start, i) => records.slice(start, starts[i]));
}
