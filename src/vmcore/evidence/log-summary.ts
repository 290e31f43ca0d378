// Summarises how much of the kernel's log was read.

import type { LogRecord } from '../printk/record.ts';
import type { Evidence } from './evidence.ts';

/** A log, from any source. */
export interface ReadLog {
  /** The source: memory of the dump, or text written by a tool. */
  readonly source: 'ring' | 'legacy' | 'text' | 'dmesg-json' | 'journal-json';
  /** Oldest first. */
  readonly records: readonly LogRecord[];
  /** Whether older records were omitted. */
  readonly truncated: boolean;
  /** Number of records before the first one; null if the source does not count. */
  readonly firstSeq?: number | null;
  /** Number of records, or texts, for which the kernel had no space. */
  readonly lost?: number;
  /** Number of records, or gaps of several, that should be there but could not be read. */
  readonly unreadable?: number;
}

/** The summary of a log in a report: its source, and what is missing or is no evidence. */
export interface LogSummary extends Required<Omit<ReadLog, 'records'>> {
  /** Whether some records do not show who wrote them: any process with access to /dev/kmsg may have. */
  readonly forgeable: boolean;
  readonly records: number;
  /** Number of records that came through /dev/kmsg, which are no evidence. */
  readonly foreign: number;
  /** Seconds from boot to the first and to the last record; null: no times. */
  readonly firstTime: number | null;
  readonly lastTime: number | null;
  /** Number of messages suppressed by the kernel's rate limit, by source. */
  readonly suppressed: Evidence['suppressed'];
}

/** Returns the summary of a log; times are seconds since boot. */
export function logSummary(log: ReadLog, suppressed: Evidence['suppressed']): LogSummary {
  const { source, records, truncated, firstSeq = null, lost = 0, unreadable = 0 } = log;
  const timed = ({ timeSeconds }: LogRecord): boolean => timeSeconds !== null;
  return {
    source,
    forgeable: records.some(({ facility }) => facility === null),
    records: records.length,
    foreign: records.filter(({ facility }) => facility !== null && facility !== 0).length,
    firstSeq,
    firstTime: records.find(timed)?.timeSeconds ?? null,
    lastTime: records.findLast(timed)?.timeSeconds ?? null,
    ...{ truncated, lost, unreadable, suppressed },
  };
}
