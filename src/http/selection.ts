// Which crashes are asked for: the query string that the page and the API share.

import type { Selection } from './views.ts';
import { isCategory } from '../wording.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;
/** Longer than any host name or crash id. */
const MAX_NAME = 256;

/** Whether this may be a host's name or a crash's id. */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME;
}

/** @returns what is wrong with the query, in words, when it cannot be meant. */
export function selection(query: URLSearchParams): Selection | string {
  const host = query.get('host') ?? '';
  const category = query.get('category') ?? '';
  const limit = count(query.get('limit'), DEFAULT_LIMIT);
  const offset = count(query.get('offset'), 0);
  if (!isName(host)) return `host: longer than ${MAX_NAME} characters`;
  if (category !== '' && !isCategory(category)) return 'category: unknown';
  if (limit === undefined || limit < 1 || limit > MAX_LIMIT) return `limit: want 1..${MAX_LIMIT}`;
  if (offset === undefined) return 'offset: want a number';
  return { host: host || undefined, category: category || undefined, limit, offset };
}

/** The query that selects the same from another crash on. */
export function queryOf({ host, category, limit }: Selection, offset: number): string {
  const query = new URLSearchParams();
  if (host !== undefined) query.set('host', host);
  if (category !== undefined) query.set('category', category);
  if (limit !== DEFAULT_LIMIT) query.set('limit', String(limit));
  if (offset > 0) query.set('offset', String(offset));
  return `?${query.toString()}`;
}

function count(text: string | null, otherwise: number): number | undefined {
  if (text === null || text === '') return otherwise;
  return /^\d{1,7}$/.test(text) ? Number(text) : undefined;
}
