// Converts the ledger's SQL to PostgreSQL. Statements only differ in their parameters; the schema in types,
// and in how its views format times and extract JSON fields. Pure.

import type { Value, Values } from './statements.ts';

/** A statement with numbered parameters, and their values. */
export interface Parameters {
  readonly sql: string;
  readonly values: readonly Value[];
}

interface Numbered {
  readonly sql: string;
  /** Name, or index in the list, of the parameter with number i + 1. */
  readonly keys: readonly (string | number)[];
}

/** Maximum number of cached texts, because there are many combinations of filters. */
const MAX_TEXTS = 256;
const texts = new Map<string, Numbered>();

/** Replaces `?` and `:name` with `$1`, `$2`, and returns the values in that order. */
export function withNumbers(sql: string, values: Values): Parameters {
  let numbered = texts.get(sql);
  if (numbered === undefined) {
    if (texts.size >= MAX_TEXTS) texts.clear();
    numbered = numberedText(sql);
    texts.set(sql, numbered);
  }
  const given = values as Readonly<Record<string | number, Value>>;
  return { sql: numbered.sql, values: numbered.keys.map((key) => storable(given[key] ?? null)) };
}

function numberedText(sql: string): Numbered {
  const keys: (string | number)[] = [];
  let place = 0;
  const text = sql.replace(/'[^']*'|::\w+|:([a-zA-Z]+)|\?/g, (found, name?: string) => {
    if (name === undefined && found !== '?') return found;
    const key = name ?? place++;
    if (!keys.includes(key)) keys.push(key);
    return `$${keys.indexOf(key) + 1}`;
  });
  return { sql: text, keys };
}

/** Replaces zero bytes, which dumps may contain but PostgreSQL's text may not. */
function storable(value: Value): Value {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;
}

/** Replacements, in the order of application. */
const SCHEMA: readonly (readonly [RegExp, string])[] = [
  [/\) STRICT(, WITHOUT ROWID)?;/g, ');'],
  [/\bINTEGER\b/g, 'BIGINT'],
  [/\bREAL\b/g, 'DOUBLE PRECISION'],
  // SQLite compares text byte by byte.
  [/\bTEXT\b/g, 'TEXT COLLATE "C"'],
  // Limited to the years that SQLite supports: others would be an error of the whole view.
  [
    /\bdatetime\(([\w.]+), 'unixepoch'\)/g,
    'to_timestamp(CASE WHEN $1 BETWEEN -62167219200 AND 253402300799 THEN $1 END)',
  ],
  // JSON with zero characters or lone surrogates cannot be converted to text; other characters are kept.
  [
    /\b(\w+) ->> '\$\.(\w+)'/g,
    String.raw`(regexp_replace($1, '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'g')::json ->> '$2')`,
  ],
];

/** Converts a step of the schema. */
export function postgresSchema(step: string): string {
  return SCHEMA.reduce((text, [from, to]) => text.replace(from, to), step);
}
