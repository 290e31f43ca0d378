import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import {
  type KdumpHeader,
  isKdump,
  readKdumpHeader,
} from '../../../src/vmcore/container/kdump-header.ts';
import { LimitExceeded } from '../../../src/vmcore/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import {
  BE64,
  BYTE_ORDERS,
  ByteWriter,
  LE32,
  bytesOf,
  orderName,
  patched,
  withU32,
} from '../../support/builders/bytes.ts';
import { type KdumpHeaderRecipe, kdumpHeaders } from '../../support/builders/kdump-builder.ts';
import { kernelNotes } from '../../support/builders/notes-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const INFO = 'OSRELEASE=7.3.4\n';

function build(recipe: KdumpHeaderRecipe): { bytes: Uint8Array; places: Record<string, number> } {
  const places: Record<string, number> = {};
  return { bytes: kdumpHeaders({ maxPfn: 1000, ...recipe }, places).toBytes(), places };
}

function read(recipe: KdumpHeaderRecipe): KdumpHeader {
  return readKdumpHeader(bytesSource(build(recipe).bytes), DEFAULT_LIMITS);
}

const variants = [
  ...BYTE_ORDERS.map((order) => ({ name: orderName(order), order, padded: false })),
  { name: '32-bit little-endian, padded', order: LE32, padded: true },
  { name: '32-bit big-endian, padded', order: { ...LE32, endian: 'big' as const }, padded: true },
];

describe.each(variants)('readKdumpHeader of a $name file', ({ order, padded }) => {
  const notes = kernelNotes(INFO, order);

  it.each([1, 2, 3, 4, 5, 6])('reads what version %i has', (version) => {
    const recipe = { order, padded, version, notes, split: [100, 200], physBase: -4096 } as const;
    const { bytes } = build(recipe);
    const header = readKdumpHeader(bytesSource(bytes), DEFAULT_LIMITS);
    expect(header).toMatchObject({
      order,
      version,
      byMakedumpfile: true,
      utsname: ['Linux', '', '', '', 'x86_64', ''],
      machine: 'x86_64',
      blockSize: 4096,
      physBase: order.wordBits === 64 ? -4096n : 0xfffff000n,
      maxPfn: 1000,
      split: version >= 2,
      startPfn: version >= 2 ? 100 : 0,
      endPfn: version >= 2 ? 200 : 1000,
    });
    const notesAt = 4096 + 128;
    expect(header.notes).toEqual(
      version >= 4 ? { offset: notesAt, length: notes.length } : undefined,
    );
    const text =
      header.vmcoreinfo && bytes.subarray(header.vmcoreinfo.offset).subarray(0, INFO.length);
    expect(text).toEqual(version >= 3 ? bytesOf(INFO) : undefined);
  });

  it('has no notes when their size is 0', () => {
    expect(read({ order, padded })).toMatchObject({ vmcoreinfo: undefined, notes: undefined });
  });
});

describe('readKdumpHeader', () => {
  it.each([4096, 8192, 16384, 65536])('lays the file out in blocks of %i', (blockSize) => {
    const notes = kernelNotes(INFO);
    const maxPfn = 3 * 8 * blockSize; // three blocks of each bitmap
    expect(read({ blockSize, notes, maxPfn })).toMatchObject({
      blockSize,
      ramBitmap: { offset: 2 * blockSize, length: 3 * blockSize },
      dumpedBitmap: { offset: 5 * blockSize, length: 3 * blockSize },
      descriptors: 8 * blockSize,
    });
  });

  it('has a sub header of several blocks when the notes need them', () => {
    const notes = kernelNotes(INFO + 'x'.repeat(10_000));
    expect(read({ notes }).dumpedBitmap).toEqual({ offset: 5 * 4096, length: 125 });
  });

  it('has only the bitmap of dumped pages when there is room for one', () => {
    expect(read({ bitmaps: 1 })).toMatchObject({
      ramBitmap: undefined,
      dumpedBitmap: { offset: 2 * 4096, length: 125 },
      descriptors: 3 * 4096,
    });
  });

  it('counts pages beyond 16 TiB by max_mapnr_64', () => {
    const maxPfn = 2 ** 33 + 5;
    expect(read({ maxPfn, split: [2 ** 32 + 1, 2 ** 33] })).toMatchObject({
      maxPfn,
      startPfn: 2 ** 32 + 1,
      endPfn: 2 ** 33,
    });
  });

  it('takes max_mapnr when max_mapnr_64 is 0', () => {
    const { bytes, places } = build({});
    const old = patched(bytes, places['max_mapnr_64']!, new Uint8Array(8));
    expect(readKdumpHeader(bytesSource(old), DEFAULT_LIMITS).maxPfn).toBe(1000);
  });

  it('ends a split part at the last page when it claims more', () => {
    expect(read({ split: [0, 5000] }).endPfn).toBe(1000);
    expect(read({ split: [3000, 5000] }).startPfn).toBe(1000);
  });

  it('reads what QEMU leaves blank', () => {
    expect(read({ sysname: '', machine: 'Unknown' })).toMatchObject({
      byMakedumpfile: false,
      machine: 'Unknown',
    });
  });

  it('reads status with the codec and the incomplete bit', () => {
    expect(read({ status: 0x0a }).status).toBe(0x0a);
  });

  it.each([
    ['block_size is no power of two', 'block_size', 5000],
    ['block_size is too small', 'block_size', 2048],
    ['block_size is too large', 'block_size', 131072],
    ['block_size is 0', 'block_size', 0],
    ['block_size is negative', 'block_size', 0x80000000],
    ['header_version is 0', 'header_version', 0],
    ['header_version is 7', 'header_version', 7],
    ['sub_hdr_size is 0', 'sub_hdr_size', 0],
    ['sub_hdr_size is negative', 'sub_hdr_size', 0xffffffff],
    ['the bitmap is too small for max_mapnr', 'max_mapnr', 0x7fffffff],
  ])('throws Corrupt when %s', (_, place, value) => {
    const { bytes, places } = build({});
    const broken = bytesSource(withU32(bytes, places[place]!, value));
    const error = thrownBy(() => readKdumpHeader(broken, DEFAULT_LIMITS));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt', at: 'kdump header at 0x0' });
  });

  it.each([
    ['main header', 400],
    ['sub header', 4096 + 50],
  ])('throws Corrupt (truncated) when the file ends in its %s', (_, length) => {
    const short = bytesSource(build({}).bytes.subarray(0, length));
    expect(thrownBy(() => readKdumpHeader(short, DEFAULT_LIMITS)).reason).toBe('truncated');
  });

  it('throws Corrupt when a 64-bit field is 2^53 or more', () => {
    const { bytes, places } = build({ order: BE64 });
    const far = new ByteWriter(BE64).u64(-1).toBytes();
    const broken = bytesSource(patched(bytes, places['max_mapnr_64']!, far));
    expect(thrownBy(() => readKdumpHeader(broken, DEFAULT_LIMITS)).message).toContain(
      'max_mapnr_64',
    );
  });

  it('throws LimitExceeded when there are more page frames than the limit', () => {
    const source = bytesSource(build({}).bytes);
    expect(readKdumpHeader(source, { ...DEFAULT_LIMITS, pageFrames: 1000 }).maxPfn).toBe(1000);
    expect(() => readKdumpHeader(source, { ...DEFAULT_LIMITS, pageFrames: 999 })).toThrow(
      LimitExceeded,
    );
  });
});

it.each([
  ['KDUMP   ', true],
  ['KDUMP', false],
  ['DISKDUMP', false],
])('isKdump says of %j: %o', (head, expected) => {
  expect(isKdump(bytesOf(head))).toBe(expected);
});
