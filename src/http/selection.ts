// Which crashes are asked for: the query string that the pages, the API and CSV share.

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

/** What a query selects, and how it was written, for links that lead to more. */
export interface Asked {
  readonly selection: CrashSelection;
  readonly given: Readonly<Partial<Record<Name, string>>>;
}

/** @returns what is wrong with the query, in words, when it cannot be meant. */
export function askedBy(query: URLSearchParams, nowSeconds: number): Asked | string {
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

/** Whether some crashes are left out. */
export function isFiltered({ given }: Asked): boolean {
  return FILTERS.some((name) => given[name] !== undefined);
}

/** A query that asks for the same but for `changes`; undefined: without. */
export function queryOf(
  { given }: Asked,
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

/** The first page of the same in another order, or of those among them that are selected as well. */
export function narrowed(
  asked: Asked,
  changes: Partial<Record<FilterName, string>> & { readonly sort?: Sort },
): string {
  return queryOf(asked, { ...changes, offset: undefined });
}

/** The query for a number of crashes further on. */
export function shifted(asked: Asked, by: number): string {
  const offset = Math.max(0, asked.selection.offset + by);
  return queryOf(asked, { offset: offset === 0 ? undefined : String(offset) });
}

function count(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,7}$/.test(text) ? Number(text) : undefined;
}
