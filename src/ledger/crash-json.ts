// A crash as JSON: the fields that the API, `crashes --json` and `decode --json` share, with the schema of
// deploy/docs/crashes.schema.json.

import { type Verdict, leadSeconds } from '../triage.ts';
import type { Hwerr, HwerrCategory } from '../vmcore/index.ts';
import { verdictText } from '../wording.ts';
import type { StoredReport } from './crash.ts';
import { machineName, signatureDigest } from './logs.ts';

interface CategoryJson extends HwerrCategory {
  /** Seconds from the last error to the crash; negative if the clock was set back in between. */
  readonly leadSeconds: number | null;
}

/** The counters, or why there are none. */
export type CountersJson =
  | { readonly kind: 'present'; readonly categories: readonly CategoryJson[] }
  | Exclude<Hwerr, { readonly kind: 'present' }>;

/** Returns the counters for JSON: each with its lead in seconds, or null if unknown. */
export function countersJson(report: StoredReport): CountersJson {
  const { hwerr } = report;
  if (hwerr.kind !== 'present') return hwerr;
  const categories = hwerr.categories.map((category) => ({
    ...category,
    leadSeconds: leadSeconds(category, report) ?? null,
  }));
  return { kind: 'present', categories };
}

/** Returns the fields of a report, and those derived from it. */
export function reportJson(report: StoredReport, verdict: Verdict): object {
  return {
    verdict: { ...verdict, text: verdictText(verdict) },
    ...report,
    hwerr: countersJson(report),
    machine: machineName(report),
    signatureId: signatureDigest(report),
  };
}
