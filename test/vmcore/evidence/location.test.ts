import { describe, expect, it } from 'vitest';

import { locationWords } from '../../../src/vmcore/evidence/location.ts';

describe('locationWords', () => {
  it.each([
    ['channel:2 slot:0', 'channel:2 slot:0'],
    ['node: 1 card: 4 module: 0 ', 'node:1 card:4 module:0'],
    ['node:0 card:1 DIMM location: x', 'node:0 card:1'],
    ['row:0x106ce', 'row:0x106ce'],
    ['bit_position:0 requestor_id:0x0 responder_id:0x0', 'bit_position:0'],
    ['', null],
    ['xxx xxx', null],
  ])('of "%s" is %s', (text, words) => {
    expect(locationWords(text)).toBe(words);
  });
});
