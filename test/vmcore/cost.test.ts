// What a decode reads, by counting: the numbers that its speed rests on.

import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { fileSourceOf } from '../../src/decode/file-source.ts';
import { type ByteSource, bytesSource, openVmcore } from '../../src/vmcore/index.ts';
import { elfCore } from '../support/builders/elf-core-builder.ts';
import { recordingSource } from '../support/system/faulty-source.ts';
import { flatRecords, flatStream } from '../support/builders/flattened-builder.ts';
import { type DecodeCost, costOf, decodeCounted } from '../support/dumps/decode-cost.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { writeLargeDump } from '../support/dumps/large-dump.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { kernelNotes } from '../support/builders/notes-builder.ts';

const MAX_PAGES = 64;
const MAX_BYTES = 324 << 10;

function read(name: string): ByteSource {
  return bytesSource(readFileSync(fixture(name)));
}

/** Without a note memory is searched, and of 64 KiB pages 31 are 900 KiB: neither is among these. */
const KDUMPS = ['raw', 'zlib', 'lzo', 'zstd', 'flat-lzo'].map((form) => `x86_64-7.3.4.${form}`);

describe.each(KDUMPS)('a decode of %s', (name) => {
  const cost = costOf(read(name));

  it(`decompresses at most ${MAX_PAGES} pages`, () => {
    expect(cost.pages).toBeGreaterThan(3);
    expect(cost.pages).toBeLessThanOrEqual(MAX_PAGES);
  });

  it('reads at most 324 KiB, headers and bitmap and all', () => {
    expect(cost.bytesRead).toBeLessThanOrEqual(MAX_BYTES);
  });
});

describe('a dump whose utsname was filtered out', () => {
  it('is not searched: kallsyms proves the note', () => {
    const { bytes } = kdumpOf(kernel({ fillers: 300 }), { excluded: ['utsname'] });
    const { report, cost } = decodeCounted(bytesSource(bytes));
    expect(report.hwerr.kind).toBe('present');
    expect(cost.heads).toBe(0);
  });

  it('costs its bitmap more when there are 1,000,000 pages, and nothing else', () => {
    const pages = 1_000_000;
    const { bytes } = kdumpOf(kernel({ fillers: 300 }), { excluded: ['utsname'] });
    const directory = tempDir();
    const small = join(directory, 'small');
    const large = join(directory, 'large');
    writeFileSync(small, bytes);
    writeLargeDump(large, small, pages * 4096);
    const few = costOf(bytesSource(bytes));
    const fd = openSync(large, 'r');
    const { report, cost } = decodeCounted(fileSourceOf(large, fd));
    closeSync(fd);
    expect(report.hwerr.kind).toBe('present');
    expect(cost.heads).toBe(0);
    expect(cost.pages).toBe(few.pages);
    expect(cost.bytesRead - few.bytesRead).toBeLessThan(pages / 8 + 64 * 1024);
  });
});

describe('a kernel at the top of much memory', () => {
  const decodeAt = (physical: bigint): DecodeCost => {
    const { bytes } = kdumpOf(kernel({ physical, fillers: 300 }));
    return costOf(bytesSource(bytes));
  };
  const near = decodeAt(1n << 26n);
  const GIB = 1n << 30n;

  it.each([64n, 256n, 1024n])('of %i GiB costs the bitmap before it, and nothing else', (gib) => {
    const far = decodeAt(gib * GIB - (1n << 26n));
    const bitmap = Number(gib * GIB) / 4096 / 8;
    expect(far.pages).toBe(near.pages);
    expect(far.bytesRead - near.bytesRead).toBeGreaterThan(bitmap / 2);
    // Up to 256 GiB it is counted to its end, to see that no bit is lost; never twice.
    expect(far.bytesRead - near.bytesRead).toBeLessThan(bitmap + 64 * 1024);
    expect(far.reads - near.reads).toBeLessThan(bitmap / (256 << 10) + 16);
  });
});

describe('an ELF core of many segments', () => {
  const SEGMENTS = 5000;
  const coreOf = (physicalOf: (i: number) => bigint): Uint8Array =>
    elfCore({
      notes: kernelNotes('OSRELEASE=7.3.4\n'),
      segments: Array.from({ length: SEGMENTS }, (_, i) => ({
        physical: physicalOf(i),
        virtual: 0xffff888000000000n + BigInt(i * 8192),
        bytes: Uint8Array.of(i),
      })),
    });

  it.each([
    ['once', 1, (i: number) => BigInt(8192 * i)],
    ['twice where they know no physical addresses', 2, () => 0xffffffffffffffffn],
  ])('reads its program headers %s', (_, times, physicalOf) => {
    const source = recordingSource(coreOf(physicalOf));
    const dump = openVmcore(source);
    const end = 64 + 56 * (SEGMENTS + 1);
    const inTable = source.log.filter(([offset, length]) => offset >= 64 && offset + length <= end);
    expect(inTable.reduce((sum, [, length]) => sum + length, 0)).toBe(times * (end - 64));
    expect(dump.addressing).toBe(times === 1 ? 'physical' : 'virtual');
    expect(dump.vmcoreinfoNotes).toHaveLength(1);
  });
});

describe('a flattened stream', () => {
  it.each([512, 4096, 65_536])('of records of %i bytes costs 16 bytes a record', (size) => {
    const { bytes } = kdumpOf(kernel({ fillers: 300 }));
    const plain = costOf(bytesSource(bytes));
    const records = flatRecords(bytes, size);
    const source = recordingSource(flatStream(records));
    const cost = costOf(source);
    const firstRecord = 4096; // behind the header of the stream
    const starts = new Set<number>([firstRecord]);
    for (const { bytes: data } of records) starts.add(Math.max(...starts) + 16 + data.length);
    const headers = source.log.filter(([offset, length]) => length === 16 && starts.has(offset));
    expect(headers).toHaveLength(records.length + 1);
    expect(cost.pages).toBe(plain.pages);
    expect(cost.bytesRead - plain.bytesRead).toBeLessThan(16 * headers.length + 8192);
  });
});
