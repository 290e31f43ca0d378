import { describe, expect, it } from 'vitest';

import {
  amdCategory,
  intelCategory,
  isAmd,
  isAmdPoison,
  isIntelPoison,
  statusAddress,
  statusSeverity,
} from '../../../src/vmcore/evidence/mce-status.ts';

const VALID = 1n << 63n;
const UC = 1n << 61n;
const MISCV = 1n << 59n;
const ADDRV = 1n << 58n;
const PCC = 1n << 57n;
const DEFERRED = 1n << 44n;

describe('statusSeverity', () => {
  it.each([
    ['neither UC nor PCC', VALID, false, 'corrected'],
    ['PCC without UC', VALID | PCC, false, 'corrected'],
    ['UC', VALID | UC, false, 'recoverable'],
    ['UC and PCC', VALID | UC | PCC, false, 'fatal'],
    ['deferred, of AMD', VALID | DEFERRED, true, 'recoverable'],
    ['the same bit of Intel', VALID | DEFERRED, false, 'corrected'],
  ] as const)('of %s', (_what, status, amd, severity) => {
    expect(statusSeverity(status, amd)).toBe(severity);
  });
});

describe('bad data that a CPU met', () => {
  it.each([
    ['a load', VALID | UC | 0x134n, true],
    ['a fetch', VALID | UC | 0x150n, true],
    ['a load that was corrected', VALID | 0x134n, false],
    ['what a scrubber finds', VALID | UC | 0xc0n, false],
  ])('%s', (_what, status, poison) => {
    expect(isIntelPoison(status)).toBe(poison);
  });

  it('of AMD are those of the core that say so', () => {
    const poison = VALID | UC | (1n << 43n);
    expect(isAmdPoison(poison, true)).toBe(true);
    expect(isAmdPoison(poison, false)).toBe(false);
    expect(isAmdPoison(VALID | UC, true)).toBe(false);
  });
});

describe('intelCategory', () => {
  it.each([
    [0x0091n, 'memory'],
    [0x1091n, 'memory'],
    [0x00c0n, 'memory'],
    [0x0280n, 'memory'],
    [0x0135n, 'cpu'],
    [0x0011n, 'cpu'],
    [0x000cn, 'cpu'],
    [0x0400n, 'cpu'],
    [0x0402n, 'cpu'],
    [0x0005n, 'cpu'],
    [0x0e0bn, 'others'],
    [0x0000n, 'others'],
  ] as const)('of code %s is %s', (code, category) => {
    expect(intelCategory(VALID | code, false)).toBe(category);
  });

  it('of a poisoned line with an address is memory', () => {
    expect(intelCategory(VALID | UC | 0x134n, true)).toBe('memory');
    expect(intelCategory(VALID | UC | 0x134n, false)).toBe('cpu');
  });
});

describe('amdCategory', () => {
  it('goes by the hardware id, else by the bank', () => {
    expect(amdCategory(17, 0x96n << 32n)).toBe('memory');
    expect(amdCategory(1, 0xb0n << 32n)).toBe('cpu');
    expect(amdCategory(1, null)).toBe('cpu');
    expect(amdCategory(27, null)).toBe('others');
    expect(isAmd(2) && isAmd(9) && !isAmd(0) && !isAmd(null)).toBe(true);
  });
});

describe('statusAddress', () => {
  it('leaves out the bits that are void, and addresses that are none of memory', () => {
    const status = ADDRV | MISCV;
    expect(statusAddress(status, 0x12345678n, 0x8cn)).toBe(0x12345000n);
    expect(statusAddress(status, 0x12345678n, 0x0cn)).toBeUndefined();
    expect(statusAddress(MISCV, 0x12345678n, 0x8cn)).toBeUndefined();
    expect(statusAddress(ADDRV, 0x12345678n, null)).toBe(0x12345678n);
  });
});
