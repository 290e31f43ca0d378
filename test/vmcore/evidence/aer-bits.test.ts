import { describe, expect, it } from 'vitest';

import { isCorrectable, statusBit } from '../../../src/vmcore/evidence/aer-bits.ts';

describe('statusBit', () => {
  it.each([
    ['[14] CmpltTO                (First)', 'CmpltTO'],
    ['[14] CmpltTO           | Requester   | Transaction Layer', 'CmpltTO'],
    ['[ 0] Receiver Error        ', 'Receiver Error'],
    ['[12] Replay Timer Timeout', 'Replay Timer Timeout'],
  ])('names the bit of %s', (text, name) => {
    expect(statusBit(text)).toBe(name);
  });

  it('is null for the numbered lines of others', () => {
    expect(statusBit('[ 1] something else')).toBeNull();
  });

  it('tells what a device corrects from what it does not', () => {
    expect([isCorrectable('RxErr'), isCorrectable('CmpltTO')]).toEqual([true, false]);
  });
});
