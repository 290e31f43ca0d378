import { expect, it } from 'vitest';

import { Cache } from '../../src/ledger/cache.ts';

const lengthOf = (text: string): number => text.length;

it('limits the total size: the least recently read value goes', () => {
  const cache = new Cache<string>({ maxSize: 10, sizeOf: lengthOf });
  for (const key of ['a', 'b', 'c']) cache.set(key, '1234');
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([undefined, '1234', '1234']);
  cache.set('b', '12');
  cache.set('d', '1234');
  expect([cache.get('c'), cache.get('b'), cache.get('d')]).toEqual(['1234', '12', '1234']);
  cache.set('b', '123');
  expect([cache.get('c'), cache.get('b'), cache.get('d')]).toEqual([undefined, '123', '1234']);
});

it('does not store a value larger than the limit, and evicts none for it', () => {
  const cache = new Cache<string>({ maxSize: 10, sizeOf: lengthOf });
  cache.set('a', '1234');
  cache.set('b', '1234');
  cache.set('b', '12345678901');
  expect([cache.get('a'), cache.get('b')]).toEqual(['1234', undefined]);
});

it('counts values if they have no size', () => {
  const cache = new Cache<readonly string[]>({ maxSize: 2 });
  for (const key of ['a', 'b', 'c']) cache.set(key, [key]);
  expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([false, true, true]);
});
