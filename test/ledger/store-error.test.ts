import { expect, it } from 'vitest';

import { StoreError } from '../../src/ledger/store-error.ts';

/** As node:fs throws it. */
function ofNode(errno: number): Error {
  return Object.assign(new Error('it failed'), { errno: -errno, code: 'a name, or none' });
}

/** As node:sqlite throws it, with an extended result code. */
function ofSqlite(errcode: number): Error {
  return Object.assign(new Error('it failed'), { code: 'ERR_SQLITE_ERROR', errcode });
}

it.each<[string, Error, StoreError['problem']]>([
  ['no room', ofNode(28), 'full'],
  ['no quota', ofNode(122), 'full'],
  ['no room, in SQLite', ofSqlite(13), 'full'],
  ['a read-only file system', ofNode(30), 'read_only'],
  ['no right', ofNode(13), 'read_only'],
  ['a read-only database', ofSqlite(8), 'read_only'],
  ['a disk that fails', ofNode(5), 'io'],
  ['a flush that fails, in SQLite', ofSqlite(10 + (4 << 8)), 'io'],
  ['a lock that another program holds', ofSqlite(5), 'io'],
  ['a page that cannot be so', ofSqlite(11), 'damaged'],
  ['an index that cannot be so', ofSqlite(11 + (3 << 8)), 'damaged'],
  ['what is no database', ofSqlite(26), 'damaged'],
  ['our own mistake', new TypeError('x is undefined'), 'io'],
])('%s', (_name, cause, problem) => {
  const error = StoreError.from('/ledger', cause);
  expect(error).toMatchObject({ problem, cause, message: `/ledger: ${cause.message}` });
  expect(StoreError.from('/other', error)).toBe(error);
});
