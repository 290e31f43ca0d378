// The ledger's SQL as PostgreSQL reads it. Statements differ by their parameters alone; the schema by
// types, and by how its views write a time and a field of JSON. Pure.

import type { Value, Values } from './statements.ts';

/** A statement with numbered parameters. */
export interface Parameters {
  readonly sql: string;
  readonly values: readonly Value[];
}

interface Numbered {
  readonly sql: string;
  /** Of the parameter with number i + 1: its name, or its place in the list. */
  readonly keys: readonly (string | number)[];
}

/** Texts kept: selections can be combined in more ways than memory should hold. */
const MAX_TEXTS = 256;
const texts = new Map<string, Numbered>();

/** `?` and `:name` as `$1`, `$2`; the values in that order. */
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

/** Text in PostgreSQL has no zero bytes; a dump may. */
function storable(value: Value): Value {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;
}

/** What is written otherwise, in the order in which it is replaced. */
const SCHEMA: readonly (readonly [RegExp, string])[] = [
  [/\) STRICT(, WITHOUT ROWID)?;/g, ');'],
  [/\bINTEGER\b/g, 'BIGINT'],
  [/\bREAL\b/g, 'DOUBLE PRECISION'],
  // As SQLite compares text: byte by byte.
  [/\bTEXT\b/g, 'TEXT COLLATE "C"'],
  // Of the years that SQLite knows: others would be an error of the whole view.
  [
    /\bdatetime\(([\w.]+), 'unixepoch'\)/g,
    'to_timestamp(CASE WHEN $1 BETWEEN -62167219200 AND 253402300799 THEN $1 END)',
  ],
  // Zero characters and halves of characters cannot leave JSON as text; all others are written as they are.
  [
    /\b(\w+) ->> '\$\.(\w+)'/g,
    String.raw`(regexp_replace($1, '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'g')::json ->> '$2')`,
  ],
];

/** A step of the schema. */
export function postgresSchema(step: string): string {
  return SCHEMA.reduce((text, [from, to]) => text.replace(from, to), step);
}
