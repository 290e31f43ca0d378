// The query string that the pages, the API and CSV share: selects crashes.

import {
  type CrashSelection,
  FILTERS,
  type FilterName,
  SORTS,
  type Sort,
  crashFilter,
} from '../selection.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;

type Name = FilterName | 'sort' | 'limit' | 'offset';
const NAMES: readonly Name[] = [...FILTERS, 'sort', 'limit', 'offset'];

/** A parsed query, and its texts, from which links to related selections are made. */
export interface CrashQuery {
  readonly selection: CrashSelection;
  readonly given: Readonly<Partial<Record<Name, string>>>;
}

/** @returns an error message if the query is invalid. */
export function parseCrashQuery(query: URLSearchParams, nowSeconds: number): CrashQuery | string {
  const given: Partial<Record<Name, string>> = {};
  for (const name of NAMES) {
    const value = query.get(name) ?? '';
    if (value !== '') given[name] = value;
  }
  const filter = crashFilter(given, nowSeconds);
  if (typeof filter === 'string') return filter;
  const sort = SORTS.find((name) => name === (given.sort ?? SORTS[0]));
  if (sort === undefined) return `sort: want one of ${SORTS.join(', ')}`;
  const limit = count(given.limit, DEFAULT_LIMIT);
  const offset = count(given.offset, 0);
  if (limit === undefined || limit < 1 || limit > MAX_LIMIT) return `limit: want 1..${MAX_LIMIT}`;
  if (offset === undefined) return 'offset: want a number';
  return { selection: { ...filter, sort, limit, offset }, given };
}

/** Whether the query has filters. */
export function isFiltered({ given }: CrashQuery): boolean {
  return FILTERS.some((name) => given[name] !== undefined);
}

/** Returns the same query with `changes`; undefined removes a parameter. */
export function queryOf(
  { given }: CrashQuery,
  changes: Partial<Record<Name, string | undefined>>,
): string {
  const wanted = { ...given, ...changes };
  const query = new URLSearchParams();
  for (const name of NAMES) {
    const value = wanted[name];
    if (value !== undefined) query.set(name, value);
  }
  return `?${query.toString()}`;
}

/** Returns the query for the first page with another order or additional filters. */
export function narrowed(
  query: CrashQuery,
  changes: Partial<Record<FilterName, string>> & { readonly sort?: Sort },
): string {
  return queryOf(query, { ...changes, offset: undefined });
}

/** Returns the query for the page that begins `by` crashes later. */
export function shifted(query: CrashQuery, by: number): string {
  const offset = Math.max(0, query.selection.offset + by);
  return queryOf(query, { offset: offset === 0 ? undefined : String(offset) });
}

function count(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,7}$/.test(text) ? Number(text) : undefined;
}
