// The verdict on a crash: was it the hardware? It combines the kernel's counters, its log and its panic,
// and states its basis. Errors in the log are never added to the counters: the log is a lower bound, and
// most errors in it are in no counter.

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

/** The error that a verdict is about, as far as the log names it. */
export interface NamedError {
  readonly category: string;
  readonly severity: Severity;
  /** Short name of the part, such as `0000:01:00.0`; null if the kernel named none. */
  readonly part: string | null;
}

/**
 * What a verdict rests on. `log_text`: a log that does not record who wrote its lines, so that any
 * process of the crashed machine may have written them.
 */
type Basis = 'counters' | 'log' | 'log_text' | 'panic' | 'taint';

type Answer =
  /** The panic itself is a hardware error. */
  | { readonly kind: 'hardware_panic'; readonly error: NamedError }
  /** An error of this category was counted within the suspect window before the panic. */
  | {
      readonly kind: 'suspect';
      readonly category: string;
      readonly leadSeconds: number;
      readonly error: NamedError | null;
    }
  /** Only the log has a recoverable or fatal error within that window. */
  | { readonly kind: 'logged_suspect'; readonly leadSeconds: number; readonly error: NamedError }
  /** Errors were counted, the last one before that window. */
  | { readonly kind: 'earlier'; readonly category: string; readonly leadSeconds: number }
  /** The log has such errors, the last one before that window. */
  | { readonly kind: 'logged_earlier'; readonly leadSeconds: number; readonly error: NamedError }
  /** The last error is dated after the crash: the clock was set in between. */
  | { readonly kind: 'clock_set' }
  /** Errors were counted, but the dump does not say when the kernel died. */
  | { readonly kind: 'undated' }
  /** The log has such errors, but not how long before the crash. */
  | { readonly kind: 'logged_undated'; readonly error: NamedError }
  /** The taint flags record a machine check in this boot; neither counters nor log have it. */
  | { readonly kind: 'machine_check_taint' }
  /** The kernel counts hardware errors and counted none; its log, if read, has none. */
  | { readonly kind: 'clean' }
  /** There are no counters, and the log has no error. */
  | {
      readonly kind: 'log_clean';
      readonly reason: 'kernel_without_hwerr' | 'pstore';
      /** Seconds from boot to the first line of the log; null if the whole log was read. */
      readonly sinceSeconds: number | null;
    }
  /** Whether there were errors is unknown. */
  | { readonly kind: 'unknown'; readonly reason: AbsentReason | DecodeReason };

export type Verdict = Answer & { readonly restsOn: readonly Basis[] };
export type VerdictKind = Verdict['kind'];
type Of<Kind extends VerdictKind> = Extract<Verdict, { readonly kind: Kind }>;

/** All kinds, the one that says most about the crash first. */
export const VERDICTS = [
  ...(['hardware_panic', 'suspect', 'logged_suspect', 'earlier', 'logged_earlier'] as const),
  ...(['clock_set', 'undated', 'logged_undated', 'machine_check_taint'] as const),
  ...(['clean', 'log_clean', 'unknown'] as const),
] satisfies readonly VerdictKind[];

/** Kinds in which the hardware may be at fault: the panic is an error, or one came shortly before. */
export const HARDWARE_VERDICTS = [
  ...(['hardware_panic', 'suspect', 'logged_suspect'] as const),
] satisfies readonly VerdictKind[];

/** The parts of a report that the verdict depends on. */
export type Evidence = Pick<CrashReport, 'hwerr'> &
  Timing &
  Pick<LogFindings, 'hardwareEvents' | 'crash'>;

type Timing = Pick<CrashReport, 'crashTimeSeconds' | 'log' | 'loggedErrors'>;

/** Counters and log agree within this tolerance, because counters have two times in whole seconds. */
const CLOCK_SECONDS = 2;

/**
 * Returns the seconds from the last error of a category to the crash: negative if the clock was set back in
 * between, undefined if there was no error or the dump has no time of the crash. Taken from the log,
 * whose clock is monotonic, if it has the error; otherwise from the time of day.
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
  // Later errors were counted but not printed.
  const isOlder = byClock !== undefined && byClock >= 0 && byLog - byClock > CLOCK_SECONDS;
  return isOlder ? byClock : byLog;
}

/** Whether an error `lead` seconds before the panic is within the suspect window. */
export function isSuspect(lead: number | undefined, windowSeconds: number): boolean {
  return lead !== undefined && lead >= 0 && lead <= windowSeconds;
}

/** Returns the error that a verdict is about, with its part if known; null if it is about none. */
export function errorOf(
  verdict: Verdict,
): { readonly category: string; readonly part: string | null } | null {
  const error = 'error' in verdict ? verdict.error : null;
  return error ?? ('category' in verdict ? { category: verdict.category, part: null } : null);
}

/**
 * Returns the verdict on a crash.
 *
 * @param windowSeconds length of the suspect window before the panic.
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

/** Whether any process of the crashed machine may have written lines of the log. */
function isForgeable(log: LogFindings['log']): boolean {
  return log.source !== 'absent' && log.forgeable;
}

/** Returns the verdict by the counters; undefined if they are unknown or all zero. */
function countedVerdict(report: Evidence, windowSeconds: number): Verdict | undefined {
  const { hwerr } = report;
  if (hwerr.kind !== 'present' || hwerr.categories.every(({ count }) => count === 0)) return;
  const leads = hwerr.categories.flatMap((counter) => countedErrors(report, counter));
  const past = leads
    .filter(({ seconds }) => seconds >= 0)
    .sort((one, other) => one.seconds - other.seconds);
  // Kernels mistakenly count informational firmware records too.
  const last =
    past.find(({ seconds, event }) => isSuspect(seconds, windowSeconds) && !isMild(event)) ??
    past[0];
  const counters: readonly Basis[] = ['counters'];
  if (last === undefined) {
    return { kind: leads.length > 0 ? 'clock_set' : 'undated', restsOn: counters };
  }
  const { category, seconds, event } = last;
  const restsOn: readonly Basis[] = event === undefined ? counters : ['counters', 'log'];
  const common = { category, leadSeconds: seconds, restsOn };
  return isSuspect(seconds, windowSeconds)
    ? { kind: 'suspect', ...common, error: event === undefined ? null : named(event) }
    : { kind: 'earlier', ...common };
}

function isMild(event: Pick<HardwareEvent, 'severity'> | undefined): boolean {
  return event !== undefined && !isSevere(event);
}

interface CountedError {
  readonly category: string;
  readonly seconds: number;
  /** The same error in the log; undefined if the log does not have it or may be forged. */
  readonly event?: HardwareEvent | undefined;
}

/** Returns the last error of a category and, if the log shows it as mild, also the last severe one before it. */
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
  // If the log has more errors than were counted, it is unknown which of them were counted.
  const areAllCounted = logged.reduce((sum, { events }) => sum + events, 0) <= count;
  if (!isMild(event) || severe === undefined || !areAllCounted) return [{ ...last, event }];
  const before = lastEvent(report, (one) => one.hwerrCategory === category && isSevere(one));
  return [
    { ...last, event },
    { category, seconds: severe, event: before },
  ];
}

/** Returns the last matching event in the log that is not later than the crash. */
function lastEvent(
  { hardwareEvents, crash }: Evidence,
  isOne: (event: HardwareEvent) => boolean,
): HardwareEvent | undefined {
  const end = crash?.uptimeSeconds ?? Infinity;
  return hardwareEvents.findLast((event) => (event.time ?? 0) <= end && isOne(event));
}

/** Returns the verdict by the log; undefined if there is no log, or no error in it worse than corrected. */
function loggedVerdict(report: Evidence, windowSeconds: number, basis: Basis): Verdict | undefined {
  const event = lastEvent(report, isSevere);
  if (event === undefined) return undefined;
  const common = { error: named(event), restsOn: [basis] };
  const seconds = nearest(report.loggedErrors.filter(isSevere));
  if (seconds === undefined) return { kind: 'logged_undated', ...common };
  const kind = isSuspect(seconds, windowSeconds) ? 'logged_suspect' : 'logged_earlier';
  return { kind, leadSeconds: seconds, ...common };
}

/**
 * Returns the stronger verdict. Of two in one class, returns the one nearer to the crash; if both are the same
 * error, the counted one. A counted error that is only informational by the log yields to the log's.
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

/** Whether the log names the counted error: one of that category, or a machine check, counted as `others`. */
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
