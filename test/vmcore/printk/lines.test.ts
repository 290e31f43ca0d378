import { expect, it } from 'vitest';

import { linesOf } from '../../../src/vmcore/printk/lines.ts';

it.each([
  ['', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\r\n\nb', ['a', '', 'b']],
  ['a\r\r\n\r\nb\r', ['a', '', 'b']],
])('the lines of %j are %j', (text, lines) => {
  expect([...linesOf(text)]).toEqual(lines);
});
