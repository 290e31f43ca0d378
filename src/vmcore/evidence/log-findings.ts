// The log in a report: how much of it was read, and its evidence.

import type { DecodeReason } from '../errors.ts';
import { type Evidence, type EvidenceOptions, findEvidence } from './evidence.ts';
import { type LogSummary, type ReadLog, logSummary } from './log-summary.ts';
import { bootsOf } from './boots.ts';

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

/** Returns the evidence in a log, with its summary: of the last boot that crashed, or else of the last one. */
export function logFindings(
  log: ReadLog,
  options: EvidenceOptions,
): LogFindings & { readonly log: LogSummary } {
  const { boot, evidence } = bootsOf(log.records)
    .map((records) => ({
      boot: { ...log, records, truncated: log.truncated && records[0] === log.records[0] },
      evidence: findEvidence(records, options),
    }))
    .reduce((last, next) => (last.evidence.crash === null || next.evidence.crash ? next : last));
  const { suppressed, ...found } = evidence;
  return { log: logSummary(boot, suppressed), ...found };
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
