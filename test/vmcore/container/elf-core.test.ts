import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import type { ContainedDump } from '../../../src/vmcore/container/dump.ts';
import { openElfCore } from '../../../src/vmcore/container/elf-core.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import {
  BYTE_ORDERS,
  ByteWriter,
  LE64,
  bytesOf,
  concat,
  orderName,
  patched,
} from '../../support/builders/bytes.ts';
import {
  type ElfRecipe,
  type ElfSegment,
  elfCore,
} from '../../support/builders/elf-core-builder.ts';
import { kernelNotes, noteBytes } from '../../support/builders/notes-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

function open(recipe: ElfRecipe, end?: number): ContainedDump {
  return openElfCore(bytesSource(elfCore(recipe).subarray(0, end)), DEFAULT_LIMITS);
}

function textAt({ memory }: ContainedDump, address: number | bigint, length: number): string {
  return String.fromCharCode(...memory.read(physAddr(address), length));
}

const segment = (physical: number | bigint, text: string, more = {}): ElfSegment => ({
  physical,
  bytes: bytesOf(text),
  ...more,
});

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'openElfCore of a %s core',
  (_, order) => {
    it('reads memory from segments and VMCOREINFO from notes', () => {
      const notes = kernelNotes('OSRELEASE=7.3.4\n', order);
      const dump = open({ order, machine: 40, notes, segments: [segment(0x1000, 'memory')] });
      expect(dump).toMatchObject({ container: 'elf', order, machine: 40, incomplete: false });
      expect(dump.vmcoreinfoNotes).toEqual([bytesOf('OSRELEASE=7.3.4\n')]);
      expect(textAt(dump, 0x1002, 3)).toBe('mor');
      expect(dump.compression()).toEqual([]);
    });
  },
);

describe('incomplete', () => {
  it.each([
    ['x86_64', 62, true],
    ['arm64', 183, true],
    ['s390', 22, true],
    ['riscv', 243, false],
    ['ppc64', 21, false],
    ['loongarch', 258, false],
  ])('by bit 0 of e_flags on %s: the ABI owns it elsewhere', (_, machine, expected) => {
    expect(open({ machine, flags: 1, segments: [] }).incomplete).toBe(expected);
    expect(open({ machine, flags: 2, segments: [] }).incomplete).toBe(false);
  });
});

describe('program headers that were never written', () => {
  const blank = { type: 0, physical: 0 };

  it('are truncated where there are no others: makedumpfile -E was killed before it wrote them', () => {
    const segments = Array.from({ length: 22 }, () => blank);
    const error = thrownBy(() => open({ segments }));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
  });

  it('make a core incomplete where there are others', () => {
    const dump = open({ segments: [segment(0x1000, 'abcd'), blank] });
    expect(dump.incomplete).toBe(true);
    expect(textAt(dump, 0x1000, 4)).toBe('abcd');
  });
});

describe('openElfCore', () => {
  it('tells a core of a Xen domain by the notes of its sections: it has no program headers', () => {
    const notes = noteBytes([{ name: 'Xen\0', type: 0x2000001, desc: bytesOf('header') }]);
    const section = new ByteWriter().u32(0).u32(7).u64(0).u64(0).u64(128).u64(notes.length);
    const file = concat(elfCore({ segments: [] }), section.padTo(64).toBytes(), notes);
    const core = patched(patched(file, 40, Uint8Array.of(64)), 60, Uint8Array.of(1));
    const error = thrownBy(() => openElfCore(bytesSource(core), DEFAULT_LIMITS));
    expect(error).toMatchObject({ tag: 'Unsupported', reason: 'unsupported_format' });
  });
});

it.each([
  ["crash's snap.so", [3, 4], 'SNAP'],
  ['netdump', [3, 4], 'CORE\0'],
  ['s390 and its zgetdump', [3], 'CORE\0'],
])('a core of %s is of a kernel though its notes are those of a process', (_, types, name) => {
  const notes = noteBytes(
    types.map((type) => ({ name: type === 3 ? 'CORE\0' : name, type, desc: bytesOf('vmlinux') })),
  );
  const dump = open({ notes, segments: [segment(0, 'low'), segment(0x1000, 'high')] });
  expect(dump.addressing).toBe('physical');
});

describe('a core without physical addresses', () => {
  const CPU = { name: 'CORE\0', type: 1, desc: new Uint8Array(336) };
  const at = (virtual: bigint): ElfSegment => segment(0, 'memory', { virtual });
  const opened = (notes: Uint8Array, ...addresses: bigint[]): (() => ContainedDump) => {
    return () => open({ notes, segments: addresses.map(at) });
  };

  it('is of a process where it has addresses of user space, though its notes say nothing', () => {
    const core = opened(noteBytes([CPU]), 0x555555554000n, 0xffffffffff600000n);
    expect(thrownBy(core).message).toBe('notes: got the core of a process, want one of a kernel');
  });

  it.each([
    ['it has none of them', noteBytes([CPU]), [0xffffffff81000000n, 0xffff888000000000n]],
    ['it has VMCOREINFO', kernelNotes('OSRELEASE=7.3.4\n'), [0x1000n, 0xffff888000000000n]],
  ])('is of a kernel where %s', (_, notes, addresses) => {
    expect(opened(notes, ...addresses)().addressing).toBe('virtual');
  });
});

describe('hints of an ELF core', () => {
  it('names virtual ranges unless p_vaddr is blank or a copy of p_paddr', () => {
    const dump = open({
      segments: [
        segment(0x1000, 'kernel', { virtual: 0xffffffff81000000n, memorySize: 0x2000 }),
        segment(0x5000, 'qemu, paging off', { virtual: 0x5000 }),
        segment(0x9000, 'old qemu'),
      ],
    });
    expect(dump.hints).toEqual({
      physBase: undefined,
      ramStart: 0x1000n,
      mapped: [{ virtual: 0xffffffff81000000n, physical: 0x1000n, length: 0x2000n }],
      cpuPageTables: [],
    });
  });
});

describe('VMCOREINFO notes of an ELF core', () => {
  const note = (text: string): Uint8Array =>
    noteBytes([{ name: 'VMCOREINFO\0', desc: bytesOf(text) }]);

  it('come from every PT_NOTE, in file order', () => {
    const second = { type: 4, physical: 0, bytes: note('OSRELEASE=2\n') };
    const dump = open({ notes: note('OSRELEASE=1\n'), segments: [second] });
    expect(dump.vmcoreinfoNotes.map((text) => text[10])).toEqual([0x31, 0x32]);
  });

  it('are no more than are tried, of however many', () => {
    const one = kernelNotes('', LE64);
    const notes = concat(...Array.from({ length: 60_000 }, () => one));
    const dump = open({ notes, segments: [] });
    expect(dump.vmcoreinfoNotes).toHaveLength(DEFAULT_LIMITS.vmcoreinfoCandidates);
  });

  it('are none when the PT_NOTE is past the end of any file', () => {
    const far = { type: 4, physical: 0, offset: 2n ** 60n, fileSize: 64 };
    expect(open({ segments: [far] }).vmcoreinfoNotes).toEqual([]);
  });
});
