import { describe, expect, it } from 'vitest';

import { arrayInX86Code } from '../../../src/vmcore/hwerr/code-x86_64.ts';
import { concat, fromHex, patched } from '../../support/builders/bytes.ts';
import { x86Code } from '../../support/builders/machine-code.ts';

const ARRAY = 0xffffffff9c654320n;
const CODE = x86Code(ARRAY);
/** Where its instructions with an address begin. */
const INCREMENT = 22;
const STORE = 34;

describe('arrayInX86Code', () => {
  it('finds the array as gcc writes it, whatever follows', () => {
    expect(arrayInX86Code(CODE)).toBe(ARRAY);
    expect(arrayInX86Code(concat(CODE, new Uint8Array(200)))).toBe(ARRAY);
  });

  it('finds it through %r12, which needs a prefix and a SIB byte', () => {
    const disp = (at: bigint): string =>
      [0n, 8n, 16n, 24n]
        .map((shift) => ((at >> shift) & 0xffn).toString(16).padStart(2, '0'))
        .join('');
    const code = fromHex(`f041ff8424${disp(ARRAY)} 90 4989 8424${disp(ARRAY + 8n)} c3`);
    expect(arrayInX86Code(code)).toBe(ARRAY);
  });

  it.each([
    ['there is no increment', patched(CODE, INCREMENT, fromHex('90'))],
    ['it is a decrement', patched(CODE, INCREMENT + 2, fromHex('8f'))],
    ['the address is not in the instruction', patched(CODE, INCREMENT + 2, fromHex('07'))],
    ['there is no store', patched(CODE, STORE, fromHex('90'))],
    ['the store is of 32 bits', patched(CODE, STORE, fromHex('40'))],
    ['the store is not 8 bytes further on', patched(CODE, STORE + 3, fromHex('10'))],
    ['another counter is incremented too', concat(CODE, fromHex('f0ff8700000080'))],
    ['the code ends within the address', CODE.subarray(0, STORE + 5)],
    ['there is none', new Uint8Array(0)],
    ['it is zeros', new Uint8Array(256)],
    ['it ends behind a prefix', fromHex('f0')],
  ])('gives undefined when %s', (_, code) => {
    expect(arrayInX86Code(code)).toBeUndefined();
  });
});
