// What the ledger stores of the kernel's log of a crash, and how two logs of one crash are merged. Pure.

import {
  type Category,
  type CrashType,
  type HardwareEvent,
  type LogFindings,
  type LoggedErrors,
  type Severity,
  isSevere,
} from '../vmcore/index.ts';
import { sha256 } from './identity.ts';

/** Maximum number of events stored per crash; its totals include the others. */
const MAX_EVENTS = 100;

type Events = Pick<LogFindings, 'hardwareEvents' | 'hardwareEventsOmitted'>;

/** Keeps the newest severe events, then the newest others. */
export function keptEvents({ hardwareEvents, hardwareEventsOmitted }: Events): Events {
  if (hardwareEvents.length <= MAX_EVENTS) return { hardwareEvents, hardwareEventsOmitted };
  const kept = new Set<HardwareEvent>(hardwareEvents.filter(isSevere).slice(-MAX_EVENTS / 2));
  for (const event of hardwareEvents.toReversed()) {
    if (kept.size < MAX_EVENTS) kept.add(event);
  }
  return {
    hardwareEvents: hardwareEvents.filter((event) => kept.has(event)),
    hardwareEventsOmitted: hardwareEventsOmitted + hardwareEvents.length - kept.size,
  };
}

/** Number of errors of one category and severity in the log of a crash. */
export interface CountedErrors {
  readonly category: Category;
  readonly severity: Severity;
  readonly events: number;
}

/**
 * Returns the errors to count over crashes: those of a log that records who wrote its lines. Errors that any
 * process may have written are shown with their crash, but are in no total.
 */
export function countedErrors({ log, loggedErrors }: LogFindings): readonly CountedErrors[] {
  return trust(log) === 2 ? bySeverity(loggedErrors) : [];
}

/** Sums up errors: one entry for each category and severity. */
export function bySeverity(errors: readonly LoggedErrors[]): readonly CountedErrors[] {
  const sums = new Map<string, CountedErrors>();
  for (const { category, severity, events } of errors) {
    const key = `${category} ${severity}`;
    const known = sums.get(key)?.events ?? 0;
    sums.set(key, { category, severity, events: known + events });
  }
  return [...sums.values()];
}

/** Returns the crash type to count in a total; null if no log has it, or only one that may be forged. */
export function countedType({ log, crash }: LogFindings): CrashType | null {
  return trust(log) === 2 && crash !== null ? crash.type : null;
}

/** Returns a short digest of the signature, equal for equal signatures; null if there is none. */
export function signatureDigest({ crash }: Pick<LogFindings, 'crash'>): string | null {
  return crash === null ? null : sha256(crash.signature).slice(0, 16);
}

/**
 * Returns a digest of the panic line and its time since boot, which the dump of a crash and its pstore record
 * share; null if the log lacks one of them.
 */
export function panicDigest({ crash }: Pick<LogFindings, 'crash'>): string | null {
  const uptime = crash?.uptimeSeconds ?? null;
  if (crash === null || uptime === null) return null;
  // Text has whole microseconds; the ring has nanoseconds, which are truncated in text.
  const microseconds = Math.floor(uptime * 1e6 + 0.0005);
  return sha256(JSON.stringify([crash.panic, microseconds]));
}

/** Returns vendor and model of the machine; null if no log names them. */
export function machineName({ crash }: Pick<LogFindings, 'crash'>): string | null {
  const hardware = crash?.hardware ?? null;
  if (hardware === null) return null;
  const { vendor, model, raw } = hardware;
  return vendor === null || model === null ? raw : `${vendor} ${model}`;
}

/** Merges two logs of one crash: the better one, without decreasing any number of events. */
export function mergedLogs(known: LogFindings, next: LogFindings): LogFindings {
  const [better, other] = saysMore(next, known) ? [next, known] : [known, next];
  const { log, hardwareEvents, hardwareEventsOmitted, previousBootRecords, crash } = better;
  const isOfOneKind = trust(better.log) === trust(other.log);
  return {
    ...{ log, hardwareEvents, hardwareEventsOmitted, previousBootRecords },
    crash: crash ?? (isOfOneKind ? other.crash : null),
    loggedErrors: isOfOneKind
      ? highest(better.loggedErrors, other.loggedErrors)
      : better.loggedErrors,
  };
}

function saysMore(next: LogFindings, known: LogFindings): boolean {
  const byTrust = trust(next.log) - trust(known.log);
  return byTrust !== 0 ? byTrust > 0 : recordsOf(next.log) > recordsOf(known.log);
}

function trust(log: LogFindings['log']): 0 | 1 | 2 {
  if (log.source === 'absent') return 0;
  return log.forgeable ? 1 : 2;
}

function recordsOf(log: LogFindings['log']): number {
  return log.source === 'absent' ? 0 : log.records;
}

function highest(
  one: readonly LoggedErrors[],
  other: readonly LoggedErrors[],
): readonly LoggedErrors[] {
  const kinds = new Map(one.map((errors) => [kindOf(errors), errors]));
  for (const errors of other) {
    const known = kinds.get(kindOf(errors));
    const events = Math.max(known?.events ?? 0, errors.events);
    kinds.set(kindOf(errors), { ...errors, ...known, events });
  }
  return [...kinds.values()];
}

function kindOf({ category, severity, hwerrCategory }: LoggedErrors): string {
  return [category, severity, hwerrCategory].join();
}
