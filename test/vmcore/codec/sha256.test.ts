import { expect, it } from 'vitest';

import { sha256 } from '../../../src/vmcore/codec/sha256.ts';

it('sha256 is that of the example of FIPS 180-2, B.1', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
