// How much of the kernel's log there was to look at.

import type { LogRecord } from '../printk/record.ts';
import type { Evidence } from './evidence.ts';

/** A log that was read, from wherever. */
export interface ReadLog {
  /** Where from: memory of the dump, or text that a tool wrote. */
  readonly source: 'ring' | 'legacy' | 'text' | 'dmesg-json' | 'journal-json';
  /** Oldest first. */
  readonly records: readonly LogRecord[];
  /** Older records were left out. */
  readonly truncated: boolean;
  /** How many records were before the first; null where the source does not count. */
  readonly firstSeq?: number | null;
  /** Records, or texts of them, that the kernel had no room for. */
  readonly lost?: number;
  /** Records, or places of several, that should be there and could not be read. */
  readonly unreadable?: number;
}

/** What a report says of the whole log: where it is from, and what is missing or no evidence. */
export interface LogSummary extends Required<Omit<ReadLog, 'records'>> {
  /** Some records do not say who wrote them: any process that may write to /dev/kmsg can have. */
  readonly forgeable: boolean;
  readonly records: number;
  /** Records that came through /dev/kmsg. They are no evidence. */
  readonly foreign: number;
  /** Seconds since boot of the first and the last record; null: no times. */
  readonly firstTime: number | null;
  readonly lastTime: number | null;
  /** Messages that the kernel did not print because there were too many, by source. */
  readonly suppressed: Evidence['suppressed'];
}

/** The summary of a log, its records counted, with times in seconds since boot. */
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
