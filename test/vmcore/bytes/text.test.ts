import { describe, expect, it } from 'vitest';

import {
  ascii,
  cString,
  compareBytes,
  hasBytesAt,
  hexBytes,
} from '../../../src/vmcore/bytes/text.ts';
import { bytesOf, fromHex } from '../../support/builders/bytes.ts';

describe('cString', () => {
  it.each([
    ['the bytes before the first NUL', 'abc\0def', 'abc'],
    ['all bytes when there is no NUL', 'abc', 'abc'],
    ['nothing when the first byte is a NUL', '\0abc', ''],
    ['nothing when there are no bytes', '', ''],
    ['UTF-8', 'h\xc3\xb6st\0', 'höst'],
    ['U+FFFD for what is not UTF-8', 'a\xffb', 'a\ufffdb'],
  ])('gives %s', (_, bytes, text) => {
    expect(cString(bytesOf(bytes))).toBe(text);
  });
});

describe('hasBytesAt', () => {
  it.each([
    [0, 'abc', true],
    [2, 'cd', true],
    [4, '', true],
    [1, 'abc', false],
    [2, 'cde', false],
    [9, 'a', false],
  ])('at %i, "abcd" and %j: %o', (offset, prefix, expected) => {
    expect(hasBytesAt(ascii('abcd'), offset, ascii(prefix))).toBe(expected);
  });
});

describe('compareBytes', () => {
  it.each([
    ['', '', 0],
    ['a', 'a', 0],
    ['a', 'b', -1],
    ['b', 'a', 1],
    ['a', 'ab', -1],
    ['ab', 'a', 1],
    ['hwerr_data', 'hwerr_data.llvm.1', -1],
    ['a.', 'a_', -1],
    ['\x7f', '\x80', -1],
  ])('orders %j and %j as strcmp', (a, b, sign) => {
    expect(Math.sign(compareBytes(bytesOf(a), bytesOf(b)))).toBe(sign);
  });
});

it('hexBytes writes two digits a byte', () => {
  expect(hexBytes(fromHex('00 0a ff'))).toBe('000aff');
});
