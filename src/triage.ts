// The first question of a crash: was it the hardware? Answered once, from the kernel's counters, its
// log and its panic together; every answer says on what it rests. Counts of the log are never added to
// the counters: the log is a lower bound, and most errors in it are in no counter.

import {
  type AbsentReason,
  type CrashReport,
  type DecodeReason,
  type HardwareEvent,
  type HwerrCategory,
  type LogFindings,
  type Severity,
  isSevere,
  partName,
} from './vmcore/index.ts';

/** The error that a verdict speaks of, as far as the log names it. */
export interface NamedError {
  readonly category: string;
  readonly severity: Severity;
  /** In a few words: `0000:01:00.0`; null: the kernel named none. */
  readonly part: string | null;
}

/**
 * On what a verdict rests. `log_text`: on the text of a log that does not say who wrote its lines, so
 * that any process of the crashed machine may have.
 */
type Basis = 'counters' | 'log' | 'log_text' | 'panic' | 'taint';

type Answer =
  /** The panic is a hardware error itself. */
  | { readonly kind: 'hardware_panic'; readonly error: NamedError }
  /** An error of this category was counted within the suspect window before the panic. */
  | {
      readonly kind: 'suspect';
      readonly category: string;
      readonly leadSeconds: number;
      readonly error: NamedError | null;
    }
  /** Only the log has an error that was no more than survived within that window. */
  | { readonly kind: 'logged_suspect'; readonly leadSeconds: number; readonly error: NamedError }
  /** Errors were counted, the last of them longer ago than that. */
  | { readonly kind: 'earlier'; readonly category: string; readonly leadSeconds: number }
  /** The log has such errors, the last of them longer ago than that. */
  | { readonly kind: 'logged_earlier'; readonly leadSeconds: number; readonly error: NamedError }
  /** The last error is dated after the crash: the clock was set in between. */
  | { readonly kind: 'clock_set' }
  /** Errors were counted, but the dump does not say when the kernel died. */
  | { readonly kind: 'undated' }
  /** The log has such errors, and does not say how long before the crash. */
  | { readonly kind: 'logged_undated'; readonly error: NamedError }
  /** There was a machine check in this boot, of which neither counters nor log know. */
  | { readonly kind: 'machine_check_taint' }
  /** The kernel counts hardware errors, and counted none; its log, if it was read, has none. */
  | { readonly kind: 'clean' }
  /** There are no counters, and the log has no error. */
  | {
      readonly kind: 'log_clean';
      readonly reason: 'kernel_without_hwerr' | 'pstore';
      /** Seconds since boot of the first line of the log; null where the whole log was read. */
      readonly sinceSeconds: number | null;
    }
  /** Nothing is known about errors. */
  | { readonly kind: 'unknown'; readonly reason: AbsentReason | DecodeReason };

export type Verdict = Answer & { readonly restsOn: readonly Basis[] };
export type VerdictKind = Verdict['kind'];
type Of<Kind extends VerdictKind> = Extract<Verdict, { readonly kind: Kind }>;

/** Every kind, from what says most of the crash to what says least. */
export const VERDICTS = [
  ...(['hardware_panic', 'suspect', 'logged_suspect', 'earlier', 'logged_earlier'] as const),
  ...(['clock_set', 'undated', 'logged_undated', 'machine_check_taint'] as const),
  ...(['clean', 'log_clean', 'unknown'] as const),
] satisfies readonly VerdictKind[];

/** Of these the hardware may be at fault: the panic is an error, or one came shortly before. */
export const HARDWARE_VERDICTS = [
  ...(['hardware_panic', 'suspect', 'logged_suspect'] as const),
] satisfies readonly VerdictKind[];

/** What of a report a verdict is made of. */
export type Evidence = Pick<CrashReport, 'hwerr'> &
  Timing &
  Pick<LogFindings, 'hardwareEvents' | 'crash'>;

type Timing = Pick<CrashReport, 'crashTimeSeconds' | 'log' | 'loggedErrors'>;

/** Counters have whole seconds of two moments each: they and the log agree when they differ by less. */
const CLOCK_SECONDS = 2;

/**
 * Seconds from the last error of a category to the crash; negative when the clock was set back in
 * between, undefined when there was no error or the dump has no time of the crash. From the log, whose
 * clock is monotonic, where it has the error; else from the time of day.
 */
export function leadSeconds(
  { category, lastErrorTimestampSeconds }: HwerrCategory,
  { crashTimeSeconds, log, loggedErrors }: Timing,
): number | undefined {
  if (lastErrorTimestampSeconds === null) return undefined;
  const byClock =
    crashTimeSeconds === null ? undefined : crashTimeSeconds - lastErrorTimestampSeconds;
  if (isForgeable(log)) return byClock;
  const byLog = nearest(loggedErrors.filter(({ hwerrCategory }) => hwerrCategory === category));
  if (byLog === undefined) return byClock;
  // Later ones were counted and not printed.
  const isOlder = byClock !== undefined && byClock >= 0 && byLog - byClock > CLOCK_SECONDS;
  return isOlder ? byClock : byLog;
}

/** Whether an error that long before the panic may have to do with it. */
export function isSuspect(lead: number | undefined, windowSeconds: number): boolean {
  return lead !== undefined && lead >= 0 && lead <= windowSeconds;
}

/** The error that a verdict is about, its part where that is known; null: it is about none. */
export function errorOf(
  verdict: Verdict,
): { readonly category: string; readonly part: string | null } | null {
  const error = 'error' in verdict ? verdict.error : null;
  return error ?? ('category' in verdict ? { category: verdict.category, part: null } : null);
}

/**
 * What to say first about a crash.
 *
 * @param windowSeconds an error at most so long before the panic is suspect.
 */
export function verdictOf(report: Evidence, windowSeconds: number): Verdict {
  const { log, crash } = report;
  const ofLog: Basis = isForgeable(log) ? 'log_text' : 'log';
  const cause = crash?.cause ?? null;
  if (cause !== null) {
    return { kind: 'hardware_panic', error: named(cause), restsOn: ['panic', ofLog] };
  }
  const counted = countedVerdict(report, windowSeconds);
  const logged = loggedVerdict(report, windowSeconds, ofLog);
  const found = worse(counted, logged);
  if (found !== undefined) return found;
  if (crash?.machineCheckTaint === true) {
    return { kind: 'machine_check_taint', restsOn: ['taint', ofLog] };
  }
  return withoutErrors(report, ofLog);
}

/** Whether any process of the crashed machine may have written lines of it. */
function isForgeable(log: LogFindings['log']): boolean {
  return log.source !== 'absent' && log.forgeable;
}

/** What counters say; undefined: they are not known, or all zero. */
function countedVerdict(report: Evidence, windowSeconds: number): Verdict | undefined {
  const { hwerr } = report;
  if (hwerr.kind !== 'present' || hwerr.categories.every(({ count }) => count === 0)) return;
  const leads = hwerr.categories.flatMap((counter) => countedErrors(report, counter));
  const past = leads
    .filter(({ seconds }) => seconds >= 0)
    .sort((one, other) => one.seconds - other.seconds);
  // Kernels count informational firmware records too, by mistake.
  const last =
    past.find(({ seconds, event }) => isSuspect(seconds, windowSeconds) && !isMild(event)) ??
    past[0];
  const counters: readonly Basis[] = ['counters'];
  if (last === undefined) {
    return { kind: leads.length > 0 ? 'clock_set' : 'undated', restsOn: counters };
  }
  const { category, seconds, event } = last;
  const restsOn: readonly Basis[] = event === undefined ? counters : ['counters', 'log'];
  const said = { category, leadSeconds: seconds, restsOn };
  return isSuspect(seconds, windowSeconds)
    ? { kind: 'suspect', ...said, error: event === undefined ? null : named(event) }
    : { kind: 'earlier', ...said };
}

function isMild(event: Pick<HardwareEvent, 'severity'> | undefined): boolean {
  return event !== undefined && !isSevere(event);
}

interface CountedError {
  readonly category: string;
  readonly seconds: number;
  /** What the log has of it; undefined: nothing, or nothing to rely on. */
  readonly event?: HardwareEvent | undefined;
}

/** The last error of a category; and before that, if it is mild by the log, the last one that was not. */
function countedErrors(report: Evidence, counter: HwerrCategory): readonly CountedError[] {
  const { category, count } = counter;
  const seconds = leadSeconds(counter, report);
  if (seconds === undefined) return [];
  const logged = report.loggedErrors.filter(({ hwerrCategory }) => hwerrCategory === category);
  const isLogged = nearest(logged) === seconds && !isForgeable(report.log);
  const last = { category, seconds };
  if (!isLogged) return [last];
  const event = lastEvent(report, ({ hwerrCategory }) => hwerrCategory === category);
  const severe = nearest(logged.filter(isSevere));
  // More in the log than were counted: which of them were is not known.
  const areAllCounted = logged.reduce((sum, { events }) => sum + events, 0) <= count;
  if (!isMild(event) || severe === undefined || !areAllCounted) return [{ ...last, event }];
  const before = lastEvent(report, (one) => one.hwerrCategory === category && isSevere(one));
  return [
    { ...last, event },
    { category, seconds: severe, event: before },
  ];
}

/** The last one in the log that the crash did not come before. */
function lastEvent(
  { hardwareEvents, crash }: Evidence,
  isOne: (event: HardwareEvent) => boolean,
): HardwareEvent | undefined {
  const end = crash?.uptimeSeconds ?? Infinity;
  return hardwareEvents.findLast((event) => (event.time ?? 0) <= end && isOne(event));
}

/** What the log says; undefined: it is not there, or has nothing that was more than corrected. */
function loggedVerdict(report: Evidence, windowSeconds: number, basis: Basis): Verdict | undefined {
  const event = lastEvent(report, isSevere);
  if (event === undefined) return undefined;
  const said = { error: named(event), restsOn: [basis] };
  const seconds = nearest(report.loggedErrors.filter(isSevere));
  if (seconds === undefined) return { kind: 'logged_undated', ...said };
  const kind = isSuspect(seconds, windowSeconds) ? 'logged_suspect' : 'logged_earlier';
  return { kind, leadSeconds: seconds, ...said };
}

/**
 * Of two in one class the nearer to the crash; where they are one error, that of the counters. What was
 * counted may be no more than informational by the log: the log has worse then.
 */
function worse(counted: Verdict | undefined, logged: Verdict | undefined): Verdict | undefined {
  if (counted === undefined || logged === undefined) return counted ?? logged;
  const isNearer = (one: { readonly leadSeconds: number }, other: typeof one): boolean =>
    other.leadSeconds - one.leadSeconds > CLOCK_SECONDS;
  if (counted.kind === 'suspect' && logged.kind === 'logged_suspect') {
    if (isMild(counted.error ?? undefined) || isNearer(logged, counted)) return logged;
    return isOneError(counted, logged)
      ? { ...counted, error: logged.error, restsOn: ['counters', 'log'] }
      : counted;
  }
  if (counted.kind === 'earlier' && logged.kind === 'logged_earlier') {
    return isNearer(logged, counted) ? logged : counted;
  }
  return VERDICTS.indexOf(counted.kind) <= VERDICTS.indexOf(logged.kind) ? counted : logged;
}

/** Whether the log names an error that was counted: as one of that category, or a machine check, which is `others`. */
function isOneError(counted: Of<'suspect'>, logged: Of<'logged_suspect'>): boolean {
  if (counted.error !== null || !logged.restsOn.includes('log')) return false;
  const isOfCategory = ['others', logged.error.category].includes(counted.category);
  return isOfCategory && Math.abs(counted.leadSeconds - logged.leadSeconds) <= CLOCK_SECONDS;
}

function withoutErrors({ hwerr, log }: Evidence, ofLog: Basis): Verdict {
  const read: readonly Basis[] = log.source === 'absent' ? [] : [ofLog];
  if (hwerr.kind === 'present') return { kind: 'clean', restsOn: ['counters', ...read] };
  const { reason } = hwerr;
  if (log.source === 'absent' || (reason !== 'kernel_without_hwerr' && reason !== 'pstore')) {
    return { kind: 'unknown', reason: hwerr.reason, restsOn: [] };
  }
  const isWhole = log.firstSeq === 0 && !log.truncated && log.lost + log.unreadable === 0;
  return { kind: 'log_clean', reason, sinceSeconds: isWhole ? null : log.firstTime, restsOn: read };
}

function named({ category, severity, part }: HardwareEvent): NamedError {
  return { category, severity, part: partName(part) };
}

function nearest(errors: readonly { readonly leadSeconds: number | null }[]): number | undefined {
  const leads = errors.flatMap(({ leadSeconds: lead }) => lead ?? []);
  return leads.length === 0 ? undefined : Math.min(...leads);
}
