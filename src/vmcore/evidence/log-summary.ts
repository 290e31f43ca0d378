// How much of the kernel's log there was to look at.

import type { LogRecord } from '../printk/record.ts';

/** Where a log was read from: memory of the dump, or text that a tool wrote. */
type LogSource = 'ring' | 'legacy' | 'text' | 'dmesg-json' | 'journal-json';

export interface LogSummary {
  readonly source: LogSource;
  /** Some records do not say who wrote them: whoever may write to /dev/kmsg may have. */
  readonly forgeable: boolean;
  readonly records: number;
  /** Records that came through /dev/kmsg. They are no evidence. */
  readonly foreign: number;
  /** Seconds since boot of the first and the last record; null: no times. */
  readonly firstTime: number | null;
  readonly lastTime: number | null;
  /** Older records were left out. */
  readonly truncated: boolean;
}

export function logSummary(
  records: readonly LogRecord[],
  { source, truncated }: Pick<LogSummary, 'source' | 'truncated'>,
): LogSummary {
  const timed = ({ timeSeconds }: LogRecord): boolean => timeSeconds !== null;
  return {
    source,
    forgeable: records.some(({ facility }) => facility === null),
    records: records.length,
    foreign: records.filter(({ facility }) => facility !== null && facility !== 0).length,
    firstTime: records.find(timed)?.timeSeconds ?? null,
    lastTime: records.findLast(timed)?.timeSeconds ?? null,
    truncated,
  };
}
