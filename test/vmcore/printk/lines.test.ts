import { expect, it } from 'vitest';

import { linesOf } from '../../../src/vmcore/printk/lines.ts';

it.each([
  ['', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\r\n\nb', ['a', '', 'b']],
  ['a\r\r\n\r\nb\r', ['a', '', 'b']],
  ['a\n\0\0\0b\0c\n\0\0', ['a', 'b\0c', '']],
])('the lines of %j are %j', (text, lines) => {
  expect([...linesOf(text)]).toEqual(lines);
});
