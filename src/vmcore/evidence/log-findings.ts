// The log in a report: how much of it was read, and its evidence.

import type { DecodeReason } from '../errors.ts';
import { type Evidence, type EvidenceOptions, findEvidence } from './evidence.ts';
import { type LogSummary, type ReadLog, logSummary } from './log-summary.ts';

/** There is no log, which is different from a log without errors. */
export interface AbsentLog {
  readonly source: 'absent';
  /** `log_not_kept`: the kernel keeps its log in a form that is not supported. */
  readonly reason: DecodeReason | 'log_not_kept';
}

/** The part of a report that comes from the log: its evidence, and how much of it was read. */
export interface LogFindings extends Omit<Evidence, 'suppressed'> {
  readonly log: LogSummary | AbsentLog;
}

/** Returns the evidence in a log, with its summary. */
export function logFindings(
  log: ReadLog,
  options: EvidenceOptions,
): LogFindings & { readonly log: LogSummary } {
  const { suppressed, ...evidence } = findEvidence(log.records, options);
  return { log: logSummary(log, suppressed), ...evidence };
}

/** Returns the empty findings of a log that could not be read for the given reason. */
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
