import { expect, it } from 'vitest';

import { StoreError } from '../../src/ledger/store-error.ts';

/** As node:fs throws it. */
function ofNode(errno: number): Error {
  return Object.assign(new Error('it failed'), { errno: -errno, code: 'a name, or none' });
}

/** As lmdb throws it. */
function ofLmdb(code: number, message = 'it failed'): Error {
  return Object.assign(new Error(message), { code });
}

it.each<[string, Error, StoreError['problem']]>([
  ['no room', ofNode(28), 'full'],
  ['no quota', ofNode(122), 'full'],
  ['no quota, in LMDB', ofLmdb(122), 'full'],
  ['a read-only file system', ofNode(30), 'read_only'],
  ['no right', ofNode(13), 'read_only'],
  ['no right, in LMDB', ofLmdb(13), 'read_only'],
  ['a disk that fails', ofNode(5), 'io'],
  ['a disk that fails, in LMDB', ofLmdb(5), 'io'],
  [
    'a page of another kind',
    ofLmdb(-30796, 'MDB_CORRUPTED: Located page was wrong type'),
    'damaged',
  ],
  ['too many readers', ofLmdb(-30790, 'MDB_READERS_FULL: maxreaders limit reached'), 'io'],
  ['our own mistake', new TypeError('x is undefined'), 'io'],
])('%s', (_name, cause, problem) => {
  const error = StoreError.from('/ledger', cause);
  expect(error).toMatchObject({ problem, cause, message: `/ledger: ${cause.message}` });
  expect(StoreError.from('/other', error)).toBe(error);
});
