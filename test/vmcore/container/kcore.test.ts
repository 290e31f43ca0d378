import { describe, expect, it } from 'vitest';

import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import { type KcoreSource, openKcore } from '../../../src/vmcore/container/kcore.ts';
import type { Dump } from '../../../src/vmcore/container/dump.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { bytesOf, latin1, patched } from '../../support/builders/bytes.ts';
import { kcoreOf } from '../../support/builders/kcore-builder.ts';
import { kernel } from '../../support/builders/kernel-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const BUILT = kernel();
const IMAGE_HEADER = 64 + 2 * 56;
const open = (source: KcoreSource): Dump => openKcore(source, DEFAULT_LIMITS);

function changed(source: KcoreSource, at: number, bytes: Uint8Array): KcoreSource {
  return {
    read: (offset, length) =>
      offset <= BigInt(at) && BigInt(at) < offset + BigInt(length)
        ? patched(source.read(offset, length), at - Number(offset), bytes)
        : source.read(offset, length),
  };
}

function reasonAt({ memory }: Dump, address: bigint, length: number): string {
  return thrownBy(() => memory.read(physAddr(address), length)).reason;
}

describe('openKcore', () => {
  it('reads memory by virtual address, at offsets past 2^53, and VMCOREINFO from notes', () => {
    const dump = open(kcoreOf(BUILT));
    expect(dump).toMatchObject({ container: 'elf', addressing: 'virtual', machine: 62 });
    expect(dump.vmcoreinfoNotes).toEqual([bytesOf(BUILT.vmcoreinfo)]);
    expect(latin1(dump.memory.read(physAddr(BUILT.start), 4))).toBe('text');
    expect(latin1(dump.memory.read(physAddr(BUILT.start + 1n), 3))).toBe('ext');
  });

  it('has nothing outside of the regions, or across the end of one', () => {
    const dump = open(kcoreOf(BUILT));
    const end = BUILT.start + BigInt(BUILT.image.length);
    expect(dump.memory.read(physAddr(end - 8n), 8)).toHaveLength(8);
    expect(reasonAt(dump, end - 8n, 9)).toBe('page_excluded');
    expect(reasonAt(dump, BUILT.start - 1n, 2)).toBe('page_excluded');
    expect(reasonAt(dump, 0n, 1)).toBe('page_excluded');
  });

  it('is not searched: that would be all the memory of a running machine', () => {
    const { memory } = open(kcoreOf(BUILT, { note: false }));
    expect([...memory.findPages('text', () => true)]).toEqual([]);
    expect([...memory.findPages('rest', () => true)]).toEqual([]);
  });

  it.each([
    ['e_phnum', 56, [0xff, 0x7f], 'truncated'],
    ['e_type', 16, [2], 'unsupported_format'],
  ] as const)('is not misled by %s', (_what, at, bytes, reason) => {
    const source = changed(kcoreOf(BUILT), at, Uint8Array.from(bytes));
    expect(thrownBy(() => open(source))).toMatchObject({ reason });
  });

  it.each([
    ['p_filesz', 32],
    ['p_offset', 8],
  ])('leaves out a region whose %s leads beyond the end of everything', (_what, field) => {
    const huge = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0xff]);
    const source = changed(kcoreOf(BUILT), IMAGE_HEADER + field, huge);
    expect(reasonAt(open(source), BUILT.start, 4)).toBe('page_excluded');
  });
});
