import { expect, it } from 'vitest';

import { addVirt, hex, physAddr, virtAddr } from '../../../src/vmcore/bytes/units.ts';

const TOP = 2n ** 64n;

it.each([
  [0, 0n],
  [4096, 4096n],
  [-1, TOP - 1n],
  [TOP + 5n, 5n],
  [-4096n, TOP - 4096n],
])('physAddr and virtAddr wrap %s at 2^64', (value, address) => {
  expect(physAddr(value)).toBe(address);
  expect(virtAddr(value)).toBe(address);
});

it.each([
  [0xffffffff81000000n, 0x10, 0xffffffff81000010n],
  [0xffffffff81000000n, -1n, 0xffffffff80ffffffn],
  [TOP - 1n, 2, 1n],
])('addVirt adds to %s modulo 2^64', (address, bytes, sum) => {
  expect(addVirt(virtAddr(address), bytes)).toBe(sum);
});

it.each([
  [0, '0x0'],
  [0x4f30, '0x4f30'],
  [0xffffffff81000000n, '0xffffffff81000000'],
])('hex writes %s as the kernel does', (value, text) => {
  expect(hex(value)).toBe(text);
});
