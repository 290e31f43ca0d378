import { expect, it } from 'vitest';

import { Places } from '../../src/http/places.ts';

interface One {
  readonly client: string;
  readonly name: string;
}

const one = (client: string, i: number): One => ({ client, name: `${client}${i}` });

it('nobody loses a place while one is free, or was given back', () => {
  const places = new Places<One>(2);
  const [a, b, c] = [one('a', 1), one('a', 2), one('a', 3)];
  expect(places.take(a)).toBeUndefined();
  expect(places.take(b)).toBeUndefined();
  places.leave(a);
  places.leave(a); // a second time gives back no second place
  expect(places.take(c)).toBeUndefined();
  expect(places.take(one('a', 4))).toBe(b);
});

it('one client alone loses the oldest, after as many newer ones as there are places', () => {
  const places = new Places<One>(3);
  const all = [1, 2, 3, 4, 5, 6].map((i) => one('a', i));
  expect(all.map((each) => places.take(each)?.name)).toEqual([
    ...[undefined, undefined, undefined],
    ...['a1', 'a2', 'a3'],
  ]);
});

it('whoever has most of them loses one, even if it is the newest that came', () => {
  const places = new Places<One>(4);
  const few = one('few', 1);
  places.take(few);
  const lost = Array.from({ length: 100 }, (_, i) => places.take(one('many', i))?.name);
  expect(lost.slice(0, 3)).toEqual([undefined, undefined, undefined]);
  expect(lost.slice(3)).toEqual(Array.from({ length: 97 }, (_, i) => `many${i}`));
  expect(places.take(one('few', 2))?.name).toBe('many97');
});
