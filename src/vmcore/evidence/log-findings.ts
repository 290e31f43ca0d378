// What a report says of the kernel's log: how much of it there was, and its evidence.

import type { DecodeReason } from '../errors.ts';
import { type Evidence, type EvidenceOptions, findEvidence } from './evidence.ts';
import { type LogSummary, type ReadLog, logSummary } from './log-summary.ts';

/** There is no log to look at, which is never the same as a log without errors. */
export interface AbsentLog {
  readonly source: 'absent';
  /** `log_not_kept`: the kernel keeps it in none of the forms that are read here. */
  readonly reason: DecodeReason | 'log_not_kept';
}

/** The part of a report that comes from the log: its evidence, and how much of it there was. */
export interface LogFindings extends Omit<Evidence, 'suppressed'> {
  readonly log: LogSummary | AbsentLog;
}

/** The hardware errors and the crash in a log that was read, with its summary. */
export function logFindings(
  log: ReadLog,
  options: EvidenceOptions,
): LogFindings & { readonly log: LogSummary } {
  const { suppressed, ...evidence } = findEvidence(log.records, options);
  return { log: logSummary(log, suppressed), ...evidence };
}

/** The findings of a log that could not be read, for the reason given: there are none. */
export function absentLog(reason: AbsentLog['reason']): LogFindings {
  return {
    log: { source: 'absent', reason },
    hardwareEvents: [],
    hardwareEventsOmitted: 0,
    loggedErrors: [],
    previousBootRecords: 0,
    crash: null,
  };
}
