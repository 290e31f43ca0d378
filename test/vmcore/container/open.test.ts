import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import type { Dump } from '../../../src/vmcore/container/dump.ts';
import { openDump } from '../../../src/vmcore/container/open.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { bytesOf, concat, fromHex, latin1, patternPage } from '../../support/builders/bytes.ts';
import { elfCore } from '../../support/builders/elf-core-builder.ts';
import { flatRecords, flatStream, flatten } from '../../support/builders/flattened-builder.ts';
import { kdump } from '../../support/builders/kdump-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const ELF = elfCore({ segments: [{ physical: 0x10000, bytes: patternPage(16) }] });
const KDUMP = kdump({ pages: new Map([[16, patternPage(16)]]) }).bytes;

/** Of every kind of file that is read here, or recognised. */
const MAGICS: readonly (readonly [string, Uint8Array])[] = [
  ['KDUMP', bytesOf('KDUMP   ')],
  ['ELF', bytesOf('\x7fELF')],
  ['flattened', bytesOf('makedumpfile\0\0\0\0')],
  ['diskdump', bytesOf('DISKDUMP')],
  ['SADUMP', bytesOf('sadump\0\0')],
  ['LKCD', fromHex('a8190173618f23ed')],
  ['virsh save', bytesOf('LibvirtQemudSave')],
  ['Windows dump', bytesOf('PAGEDU64')],
  ['gzip', fromHex('1f8b')],
  ['xz', fromHex('fd377a585a00')],
  ['zstd', fromHex('28b52ffd')],
  ['bzip2', bytesOf('BZh')],
  ['lz4', fromHex('04224d18')],
  ['lzop', fromHex('894c5a4f000d0a1a0a')],
];
const CUT_IN_MAGIC = MAGICS.flatMap(([name, magic]) =>
  Array.from({ length: magic.length - 1 }, (_, i) => [i + 1, name, magic] as const),
);

function open(bytes: Uint8Array): Dump {
  return openDump(bytesSource(bytes), DEFAULT_LIMITS);
}

describe('openDump', () => {
  it.each([
    ['elf', false, ELF],
    ['kdump', false, KDUMP],
    ['elf', true, flatten(ELF)],
    ['kdump', true, flatten(KDUMP)],
  ] as const)('opens %s, flattened %o', (container, isFlat, file) => {
    const dump = open(file);
    expect(dump).toMatchObject({ container, flattened: isFlat, incomplete: false });
    expect(latin1(dump.memory.read(physAddr(0x10000), 4096))).toBe(latin1(patternPage(16)));
  });

  it.each([
    ['elf', ELF],
    ['kdump', KDUMP],
  ])('is incomplete when a flattened %s has no end record', (_, file) => {
    expect(open(flatten(file, { ended: false })).incomplete).toBe(true);
  });

  it('is incomplete when the last record of a flattened file is missing', () => {
    const records = flatRecords(KDUMP, 64);
    expect(open(flatStream(records.slice(0, -1), { ended: false })).incomplete).toBe(true);
  });

  it.each([
    ['nothing', new Uint8Array(8192), 'nothing but zeros'],
    ...MAGICS.slice(0, 3).map(
      ([name, magic]) =>
        [
          `part of the magic of ${name}`,
          concat(magic.slice(0, 3), new Uint8Array(8192)),
          'after 3',
        ] as const,
    ),
  ] as const)('throws Corrupt (`truncated`) when %s was written of a file', (_, bytes, message) => {
    const error = thrownBy(() => open(bytes));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
    expect(error.message).toContain(message);
  });

  it('throws Corrupt (`truncated`) when the file is empty: a copy that did not begin', () => {
    const error = thrownBy(() => open(new Uint8Array(0)));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
    expect(error.message).toContain('empty file');
  });

  it.each([
    ['is shorter than any magic, and begins as none', bytesOf('dump')],
    ['is text', bytesOf('kernel panic: not a dump\n')],
    ['is a flattened file of something else', flatten(bytesOf('something else that is no dump'))],
  ])('throws BadMagic when the file %s', (_, bytes) => {
    expect(thrownBy(() => open(bytes))).toMatchObject({ tag: 'BadMagic', reason: 'not_a_dump' });
  });

  it.each(CUT_IN_MAGIC)(
    'throws Corrupt (truncated) when the file is the first %i bytes of the magic of %s',
    (length, _, magic) => {
      const error = thrownBy(() => open(magic.subarray(0, length)));
      expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
    },
  );

  it('throws Corrupt (truncated) when a flattened stream breaks off before the start of its file', () => {
    const [first, ...others] = flatRecords(KDUMP, 256);
    const late = flatStream(others, { ended: false });
    expect(thrownBy(() => open(late))).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
    const inHeader = flatStream([first!, ...others.slice(1)], { ended: false });
    expect(thrownBy(() => open(inHeader))).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
  });

  it.each([
    ['gzip', fromHex('1f8b0800'), 'unsupported_compression'],
    ['LiME', bytesOf('EMiL'), 'unsupported_format'],
  ])('throws Unsupported and says what to do when the file is %s', (_, bytes, reason) => {
    expect(thrownBy(() => open(bytes))).toMatchObject({ tag: 'Unsupported', reason });
  });

  it.each([
    ['KDUMP', bytesOf('KDUMP   ')],
    ['ELF', bytesOf('\x7fELF')],
    ['flattened', bytesOf('makedumpfile\0\0\0\0')],
  ])('throws Corrupt (truncated) when a %s file ends behind its magic', (_, bytes) => {
    expect(thrownBy(() => open(bytes))).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
  });

  it.each([0, 16, 17, 31])(
    'throws Corrupt (truncated) when a flattened stream breaks off %i bytes behind its header',
    (length) => {
      const cut = flatStream(flatRecords(KDUMP)).subarray(0, 4096 + length);
      expect(thrownBy(() => open(cut))).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
    },
  );
});
