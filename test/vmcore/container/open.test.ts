import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import type { Dump } from '../../../src/vmcore/container/dump.ts';
import { openDump } from '../../../src/vmcore/container/open.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { bytesOf, fromHex, latin1, patternPage } from '../../support/builders/bytes.ts';
import { elfCore } from '../../support/builders/elf-core-builder.ts';
import { flatRecords, flatStream, flatten } from '../../support/builders/flattened-builder.ts';
import { kdump } from '../../support/builders/kdump-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const ELF = elfCore({ segments: [{ physical: 0x10000, bytes: patternPage(16) }] });
const KDUMP = kdump({ pages: new Map([[16, patternPage(16)]]) }).bytes;

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

  it('throws Corrupt (`truncated`) when the file is empty: a copy that did not begin', () => {
    const error = thrownBy(() => open(new Uint8Array(0)));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
    expect(error.message).toContain('empty file');
  });

  it.each([
    ['is shorter than any magic', bytesOf('K')],
    ['is text', bytesOf('kernel panic: not a dump\n')],
    ['is zeros', new Uint8Array(8192)],
    ['is a flattened file of something else', flatten(bytesOf('something else that is no dump'))],
  ])('throws BadMagic when the file %s', (_, bytes) => {
    expect(thrownBy(() => open(bytes))).toMatchObject({ tag: 'BadMagic', reason: 'not_a_dump' });
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
