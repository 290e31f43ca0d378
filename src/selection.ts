// Which crashes are asked for: the filters that page, API and command line have in common.

import { durationMs } from './duration.ts';
import { HARDWARE_VERDICTS, VERDICTS, type VerdictKind } from './triage.ts';
import { CATEGORIES } from './vmcore/index.ts';

/** Filters as they are written in a query string, and as flags of the command line. */
export const FILTERS = [
  ...(['host', 'since', 'until', 'verdict'] as const),
  ...(['category', 'kernel', 'model', 'signature'] as const),
] as const;
export type FilterName = (typeof FILTERS)[number];

/** A crash is selected when it has all that is given. */
export interface CrashFilter {
  readonly host?: string | undefined;
  /** Happened then or later; Unix seconds. */
  readonly sinceSeconds?: number | undefined;
  /** Happened before; Unix seconds. */
  readonly untilSeconds?: number | undefined;
  /** `hardware`: any of HARDWARE_VERDICTS. */
  readonly verdict?: VerdictKind | 'hardware' | undefined;
  /** Has errors of this category, counted or in its log. */
  readonly category?: string | undefined;
  readonly kernel?: string | undefined;
  /** Vendor and model of the machine, as the ledger has them. */
  readonly model?: string | undefined;
  /** Digest of the signature. */
  readonly signature?: string | undefined;
}

/** Orders of a list; within each the newest crash comes first. */
export const SORTS = ['newest', 'oldest', 'host', 'kernel', 'model', 'verdict'] as const;
export type Sort = (typeof SORTS)[number];

/** Crashes of one page of a list. */
export interface CrashSelection extends CrashFilter {
  readonly sort?: Sort;
  readonly offset: number;
  readonly limit: number;
}

/** Longer than any host name, kernel release or crash id. */
const MAX_NAME = 256;

/** Whether this may be a host's name, a crash's id or the like. */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME;
}

/**
 * The filter that was asked for, or what is wrong with it, in words that begin with the filter's name.
 *
 * @param given text of each filter; empty is the same as none.
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

/** Unix seconds: so long ago, or a date in UTC, with a time or without; NaN: neither. */
function moment(text: string | undefined, nowSeconds: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms !== undefined) return nowSeconds - ms / 1000;
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?(?: ?(?:UTC|Z))?$/.exec(text);
  return match === null ? NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}Z`) / 1000;
}
