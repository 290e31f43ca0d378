// Filters on crashes, shared by the page, the API and the command line.

import { durationMs } from './duration.ts';
import { HARDWARE_VERDICTS, VERDICTS, type VerdictKind } from './triage.ts';
import { CATEGORIES } from './vmcore/index.ts';

/** Names of the filters in query strings and command-line flags. */
export const FILTERS = [
  ...(['host', 'since', 'until', 'verdict'] as const),
  ...(['category', 'kernel', 'model', 'signature'] as const),
] as const;
export type FilterName = (typeof FILTERS)[number];

/** Selects the crashes that match all given filters. */
export interface CrashFilter {
  readonly host?: string | undefined;
  /** Earliest crash time, inclusive; Unix seconds. */
  readonly sinceSeconds?: number | undefined;
  /** Latest crash time, exclusive; Unix seconds. */
  readonly untilSeconds?: number | undefined;
  /** `hardware`: any of HARDWARE_VERDICTS. */
  readonly verdict?: VerdictKind | 'hardware' | undefined;
  /** Has errors of this category, counted or in its log. */
  readonly category?: string | undefined;
  readonly kernel?: string | undefined;
  /** Vendor and model of the machine, as stored in the ledger. */
  readonly model?: string | undefined;
  /** Digest of the signature. */
  readonly signature?: string | undefined;
}

/** Orders of a list; the second criterion is always the newest crash first. */
export const SORTS = ['newest', 'oldest', 'host', 'kernel', 'model', 'verdict'] as const;
export type Sort = (typeof SORTS)[number];

/** One page of a list of crashes. */
export interface CrashSelection extends CrashFilter {
  readonly sort?: Sort;
  readonly offset: number;
  readonly limit: number;
}

/** Maximum length of a name; longer than any host name, kernel release or crash id. */
const MAX_NAME = 256;

/** Whether the text is short enough for a host name, a crash id or the like. */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME;
}

/**
 * Parses filters. Returns the filter, or an error message that begins with the name of the invalid one.
 *
 * @param given text of each filter; an empty text means no filter.
 * @param nowSeconds Unix seconds, from which durations count back.
 */
export function crashFilter(
  given: Readonly<Partial<Record<FilterName, string | undefined>>>,
  nowSeconds: number,
): CrashFilter | string {
  const tooLong = FILTERS.find((name) => !isName(given[name] ?? ''));
  if (tooLong !== undefined) return `${tooLong}: longer than ${MAX_NAME} characters`;
  const { host, since, until, verdict, category, kernel, model, signature } = Object.fromEntries(
    Object.entries(given).filter(([, text]) => text !== ''),
  ) as typeof given;
  if (category !== undefined && !CATEGORIES.some((name) => name === category)) {
    return 'category: unknown';
  }
  if (verdict !== undefined && !isVerdict(verdict)) {
    return `verdict: want hardware (${HARDWARE_VERDICTS.join(', ')}) or one of ${VERDICTS.join(', ')}`;
  }
  const sinceSeconds = moment(since, nowSeconds);
  if (Number.isNaN(sinceSeconds)) return `since: got ${since}, ${WANT_MOMENT}`;
  const untilSeconds = moment(until, nowSeconds);
  if (Number.isNaN(untilSeconds)) return `until: got ${until}, ${WANT_MOMENT}`;
  return { host, sinceSeconds, untilSeconds, verdict, category, kernel, model, signature };
}

const WANT_MOMENT = 'want a duration such as 12h or 7d, or a date such as 2026-10-03';

function isVerdict(text: string): text is VerdictKind | 'hardware' {
  return text === 'hardware' || VERDICTS.some((kind) => kind === text);
}

/** Parses a duration before now, or a date with an optional time in UTC. Returns Unix seconds; NaN if invalid. */
function moment(text: string | undefined, nowSeconds: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms !== undefined) return nowSeconds - ms / 1000;
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?(?: ?(?:UTC|Z))?$/.exec(text);
  return match === null ? NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}Z`) / 1000;
}
