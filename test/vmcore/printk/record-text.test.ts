import { describe, expect, it } from 'vitest';

import {
  callerName,
  deviceName,
  flagsAndLevel,
  recordText,
  secondsOf,
} from '../../../src/vmcore/printk/record-text.ts';
import { bytesOf } from '../../support/builders/bytes.ts';

describe('what a record stores', () => {
  it('is a text of lines, without control characters, and with U+FFFD for what is no UTF-8', () => {
    expect(recordText(bytesOf('one\n\ttwo\x1b[0m'))).toBe('one\n two [0m');
    expect(recordText(Uint8Array.of(0xe2, 0x82, 0x41))).toBe('\ufffdA');
  });

  it('is a device up to the first NUL, or none', () => {
    expect(deviceName(bytesOf('+pci:0000:01:00.0\0rest'))).toBe('+pci:0000:01:00.0');
    expect(deviceName(bytesOf('b8:0'))).toBe('b8:0');
    expect(deviceName(bytesOf('\0x'))).toBeNull();
    expect(deviceName(bytesOf('a\nb\nc\x1b'))).toBe('a b c ');
  });

  it.each([
    [0xc2, 'little', { flags: 2, level: 6 }],
    [0x62, 'little', { flags: 2, level: 3 }],
    [0x02, 'little', { flags: 2, level: 0 }],
    [0x16, 'big', { flags: 2, level: 6 }],
    [0x47, 'big', { flags: 8, level: 7 }],
  ] as const)('has flags and level in one byte: %i, %s-endian', (byte, endian, want) => {
    expect(flagsAndLevel(byte, endian)).toEqual(want);
  });

  it('names a thread or a CPU, and tells seconds', () => {
    expect([55, 0, 0x80000000, 0x8000000c].map(callerName)).toEqual(['T55', 'T0', 'C0', 'C12']);
    expect(secondsOf(41_762_456_134n)).toBe(41.762456134);
  });
});
