// The limits that a symbol file or BTF crosses: those of a dump are in limits.test.ts.

import { expect, it } from 'vitest';

import { physAddr, virtAddr } from '../../src/vmcore/bytes/units.ts';
import { bytesSource } from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/vmcore/limits.ts';
import { VirtualMemory } from '../../src/vmcore/paging/virtual-memory.ts';
import { findInBtf } from '../../src/vmcore/symbols/btf.ts';
import { systemMap } from '../../src/vmcore/symbols/system-map.ts';
import { vmlinux } from '../../src/vmcore/symbols/vmlinux.ts';
import { seeds } from '../fuzz/seeds.ts';
import { thrownBy } from '../support/thrown.ts';

const { vmlinux: elf, 'system-map': map, btf } = seeds();

/** Memory that is a piece of BTF from address 0 on. */
function readBtf(limits: Limits): unknown {
  const input = btf!['both']!;
  const source = bytesSource(input.subarray(input.indexOf(0) + 1));
  const physical = {
    read: (address: bigint, length: number) => source.read(Number(address), length),
    findPages: () => [],
  };
  const order = { endian: 'little', wordBits: 64 } as const;
  const memory = new VirtualMemory(physical, physAddr, order);
  const wanted = { struct: 'hwerr_info', enum: 'hwerr_error_type' };
  return findInBtf(memory, virtAddr(0n), wanted, limits);
}

it.each<[keyof Limits, number, string, (limits: Limits) => unknown]>([
  ['symbolFileBytes', 20, 'System.map', (limits) => systemMap(bytesSource(map!['small']!), limits)],
  ['symbolFileBytes', 20, 'vmlinux', (limits) => vmlinux(bytesSource(elf!['small']!), limits)],
  ['symbolFileSections', 3, 'vmlinux', (limits) => vmlinux(bytesSource(elf!['small']!), limits)],
  ['btfBytes', 60, 'BTF', readBtf],
])('limit %s of %i stops the reader of a larger %s', (name, limit, _, read) => {
  expect(read(DEFAULT_LIMITS)).toBeDefined();
  const error = thrownBy(() => read({ ...DEFAULT_LIMITS, [name]: limit }));
  expect(error).toMatchObject({ tag: 'LimitExceeded', reason: 'limit_exceeded' });
});
