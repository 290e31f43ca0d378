import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import type { ContainedDump } from '../../../src/vmcore/container/dump.ts';
import { openKdump } from '../../../src/vmcore/container/kdump.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/vmcore/limits.ts';
import { ByteWriter, patched, patternPage } from '../../support/builders/bytes.ts';
import { type KdumpRecipe, kdump } from '../../support/builders/kdump-builder.ts';
import { kernelNotes } from '../../support/builders/notes-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const TEXT = 'OSRELEASE=7.3.4\n';

const recipe = (more: Partial<KdumpRecipe> = {}): KdumpRecipe => ({
  pages: new Map([16, 17].map((pfn) => [pfn, patternPage(pfn)] as const)),
  notes: kernelNotes(TEXT),
  ...more,
});

function openBytes(bytes: Uint8Array, limits: Limits = DEFAULT_LIMITS): ContainedDump {
  return openKdump(bytesSource(bytes), limits);
}

const open = (more: Partial<KdumpRecipe> = {}): ContainedDump =>
  openBytes(kdump(recipe(more)).bytes);

function texts({ vmcoreinfoNotes }: ContainedDump): string[] {
  return vmcoreinfoNotes.map((text) => String.fromCharCode(...text));
}

describe('openKdump', () => {
  it('gives memory and what the header says', () => {
    const dump = open({ physBase: -4096 });
    expect(dump).toMatchObject({
      container: 'kdump',
      machine: 'x86_64',
      incomplete: false,
      hints: { physBase: -4096n, mapped: [] },
    });
    expect(dump.memory.read(physAddr(0x10000), 16)).toEqual(patternPage(16).subarray(0, 16));
  });

  it.each(['', 'Unknown'])('has no machine when the header says %j, as QEMU does', (machine) => {
    expect(open({ machine }).machine).toBeUndefined();
  });

  it('does not believe phys_base when QEMU wrote it', () => {
    expect(open({ sysname: '', physBase: 0x270532608 }).hints.physBase).toBeUndefined();
  });

  it.each([
    ['the status says so', { status: 0x8 }, true],
    ['the last page is lost', { lost: [17] }, true],
    ['the status only says that vmemmap was excluded', { status: 0x10 }, false],
  ])('is incomplete or not when %s', (_, more, incomplete) => {
    expect(open(more).incomplete).toBe(incomplete);
  });

  it('names the codec of the header, and of pages once they were read', () => {
    const dump = open({ codec: (pfn) => (pfn === 16 ? 'zstd' : 'lzo'), status: 0x1 });
    expect(dump.compression()).toEqual(['zlib']);
    dump.memory.read(physAddr(0x10000), 1);
    expect(dump.compression()).toEqual(['zlib', 'zstd']);
    dump.memory.read(physAddr(0x11000), 1);
    expect(dump.compression()).toEqual(['zlib', 'lzo', 'zstd']);
  });
});

describe('openKdump checks the bitmap', () => {
  const [clear, both] = [Uint8Array.of(0x01), Uint8Array.of(0x07)]; // pages 16 and 17 are 0x03
  const withBits = (bits: Uint8Array, more: Partial<KdumpRecipe> = {}): Uint8Array => {
    const { bytes, places } = kdump(recipe(more));
    return patched(bytes, places['bitmap2']! + 2, bits);
  };

  it.each([
    ['fewer', clear, 'got 1 pages, want more by the descriptors'],
    ['more', both, 'got 3 pages, want fewer by the descriptors'],
  ])('and throws Corrupt when it has %s pages than there are descriptors', (_, bits, message) => {
    const error = thrownBy(() => openBytes(withBits(bits, { maxPfn: 64 })));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.message).toContain(message);
  });

  it('unless the dump is incomplete: fewer descriptors were written than there are pages', () => {
    expect(openBytes(withBits(both, { maxPfn: 64, status: 0x8 })).incomplete).toBe(true);
  });

  it('unless it is one of a split: nothing then says how many descriptors there are', () => {
    expect(openBytes(withBits(both, { maxPfn: 64, split: [0, 18] })).incomplete).toBe(false);
  });
});

describe('VMCOREINFO of a kdump file', () => {
  const { bytes, places } = kdump(recipe());
  const with64 = (place: string, value: number): Uint8Array =>
    patched(bytes, places[place]!, new ByteWriter().u64(value).toBytes());

  it.each([3, 4, 5, 6])('is where the sub header points in version %i', (version) => {
    expect(texts(open({ version }))).toEqual([TEXT]);
  });

  it.each([1, 2])('is unknown to version %i', (version) => {
    expect(texts(open({ version }))).toEqual([]);
  });

  it.each([
    ['is 0', 'size_vmcoreinfo', 0],
    ['is longer than any text', 'size_vmcoreinfo', 1 << 20],
    ['ends past the file', 'offset_vmcoreinfo', 1 << 30],
  ])('is found among the notes when what the sub header says %s', (_, place, value) => {
    expect(texts(openBytes(with64(place, value)))).toEqual([TEXT]);
  });

  it('is nowhere when there are no notes', () => {
    const { bytes: blank } = kdump({ pages: recipe().pages });
    expect(texts(openBytes(blank))).toEqual([]);
  });

  it('is passed over when it is longer than vmcoreinfoBytes', () => {
    const limits = { ...DEFAULT_LIMITS, vmcoreinfoBytes: TEXT.length - 1 };
    expect(texts(openBytes(bytes, limits))).toEqual([]);
  });
});
