// The question the kernel's counters were made for: did a hardware error come shortly before the
// panic? Both times are of the crashed kernel's own clock.

import type { AbsentReason, CrashReport, DecodeReason, HwerrCategory } from './vmcore/index.ts';

export type Verdict =
  /** The last error of this category came within the suspect window before the panic. */
  | { readonly kind: 'suspect'; readonly category: string; readonly leadSeconds: number }
  /** Errors were counted, the last of them longer ago than that. */
  | { readonly kind: 'earlier'; readonly category: string; readonly leadSeconds: number }
  /** The last error is dated after the crash: the clock was set in between. */
  | { readonly kind: 'clock_set' }
  /** Errors were counted, but the dump does not say when the kernel died. */
  | { readonly kind: 'undated' }
  /** The kernel counts hardware errors, and counted none. */
  | { readonly kind: 'clean' }
  /** Nothing is known about errors. */
  | { readonly kind: 'unknown'; readonly reason: AbsentReason | DecodeReason };

/**
 * Seconds from the last error of a category to the crash; negative when the clock was set back in
 * between, undefined when there was no error or the dump has no time of the crash.
 */
export function leadSeconds(
  { lastErrorTimestampSeconds }: HwerrCategory,
  crashTimeSeconds: number | null,
): number | undefined {
  if (lastErrorTimestampSeconds === null || crashTimeSeconds === null) return undefined;
  return crashTimeSeconds - lastErrorTimestampSeconds;
}

/** Whether an error that long before the panic may have to do with it. */
export function isSuspect(lead: number | undefined, windowSeconds: number): boolean {
  return lead !== undefined && lead >= 0 && lead <= windowSeconds;
}

/**
 * What to say first about a crash.
 *
 * @param windowSeconds an error at most so long before the panic is suspect.
 */
export function verdictOf(
  { hwerr, crashTimeSeconds }: Pick<CrashReport, 'hwerr' | 'crashTimeSeconds'>,
  windowSeconds: number,
): Verdict {
  if (hwerr.kind !== 'present') return { kind: 'unknown', reason: hwerr.reason };
  if (hwerr.categories.every(({ count }) => count === 0)) return { kind: 'clean' };
  if (crashTimeSeconds === null) return { kind: 'undated' };
  const leads = hwerr.categories.flatMap((category) => {
    const seconds = leadSeconds(category, crashTimeSeconds);
    return seconds === undefined ? [] : [{ category: category.category, seconds }];
  });
  const [nearest] = leads.filter(({ seconds }) => seconds >= 0).sort(byLead);
  if (nearest === undefined) return leads.length > 0 ? { kind: 'clock_set' } : { kind: 'undated' };
  const { category, seconds } = nearest;
  const kind = isSuspect(seconds, windowSeconds) ? 'suspect' : 'earlier';
  return { kind, category, leadSeconds: seconds };
}

function byLead(a: { readonly seconds: number }, b: { readonly seconds: number }): number {
  return a.seconds - b.seconds;
}
