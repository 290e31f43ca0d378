import { expect, it } from 'vitest';

import { Kept } from '../../src/ledger/kept.ts';

const lengthOf = (text: string): number => text.length;

it('what is kept has a size in sum: what was read longest ago goes', () => {
  const kept = new Kept<string>({ most: 10, sizeOf: lengthOf });
  for (const key of ['a', 'b', 'c']) kept.keep(key, '1234');
  expect([kept.get('a'), kept.get('b'), kept.get('c')]).toEqual([undefined, '1234', '1234']);
  kept.keep('b', '12');
  kept.keep('d', '1234');
  expect([kept.get('c'), kept.get('b'), kept.get('d')]).toEqual(['1234', '12', '1234']);
  kept.keep('b', '123');
  expect([kept.get('c'), kept.get('b'), kept.get('d')]).toEqual([undefined, '123', '1234']);
});

it('what is larger than all that may be kept drives nothing out, and is not kept', () => {
  const kept = new Kept<string>({ most: 10, sizeOf: lengthOf });
  kept.keep('a', '1234');
  kept.keep('b', '1234');
  kept.keep('b', '12345678901');
  expect([kept.get('a'), kept.get('b')]).toEqual(['1234', undefined]);
});

it('without sizes so many are kept', () => {
  const kept = new Kept<readonly string[]>({ most: 2 });
  for (const key of ['a', 'b', 'c']) kept.keep(key, [key]);
  expect([kept.has('a'), kept.has('b'), kept.has('c')]).toEqual([false, true, true]);
});
