import { describe, expect, it } from 'vitest';

import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import type { Dump, SplitPart } from '../../../src/vmcore/container/dump.ts';
import { openDump } from '../../../src/vmcore/container/open.ts';
import { joinParts } from '../../../src/vmcore/container/split.ts';
import {
  type CrashReport,
  bytesSource,
  decodeVmcore,
  openVmcore,
} from '../../../src/vmcore/index.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { concat, latin1, patternPage } from '../../support/builders/bytes.ts';
import { flatten } from '../../support/builders/flattened-builder.ts';
import { type KdumpRecipe, kdump } from '../../support/builders/kdump-builder.ts';
import { elfDumpOf, kdumpOf, kernel } from '../../support/builders/kernel-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const PAGES = new Map([16, 17, 18, 19].map((pfn) => [pfn, patternPage(pfn)] as const));

function part(from: number, to: number, more: Partial<KdumpRecipe> = {}): Uint8Array {
  return kdump({ pages: PAGES, maxPfn: 64, split: [from, to], ...more }).bytes;
}

function join(...files: readonly Uint8Array[]): Dump {
  return joinParts(files.map((file) => openDump(bytesSource(file), DEFAULT_LIMITS)));
}

const page = (dump: Dump, pfn: number, length = 4096, offset = 0): string =>
  latin1(dump.memory.read(physAddr(pfn * 4096 + offset), length));

describe('joinParts', () => {
  it('reads every page from the part that has it, in whatever order they come', () => {
    const dump = join(part(18, 64), part(0, 17), part(17, 18));
    for (const [pfn, bytes] of PAGES) expect(page(dump, pfn)).toBe(latin1(bytes));
    expect(dump).toMatchObject({ container: 'kdump', part: undefined, incomplete: false });
  });

  it('reads across parts', () => {
    const dump = join(part(0, 17), part(17, 18), part(18, 64));
    const all = concat(...PAGES.values());
    expect(page(dump, 16, 3 * 4096, 2048)).toBe(latin1(all.subarray(2048, 2048 + 3 * 4096)));
  });

  it('takes parts without pages', () => {
    expect(page(join(part(0, 0), part(0, 64), part(64, 64)), 18)).toBe(latin1(patternPage(18)));
  });

  it('has page_lost where a part is missing', () => {
    const dump = join(part(0, 17), part(18, 64));
    expect(thrownBy(() => page(dump, 17)).reason).toBe('page_lost');
    expect(page(dump, 18)).toBe(latin1(patternPage(18)));
  });

  it('is flattened or incomplete when one part is, and names the codecs of all', () => {
    const joined = join(part(0, 17, { codec: 'lzo' }), flatten(part(17, 64)));
    expect(joined).toMatchObject({ flattened: true, incomplete: false });
    expect(joined.compression()).toEqual(['lzo', 'zlib']);
    expect(join(part(0, 17), part(17, 64, { status: 0x8 })).incomplete).toBe(true);
  });

  it('searches all parts', () => {
    const isAny = (head: Uint8Array): boolean => head[0] !== 0;
    const dump = join(part(18, 64), part(0, 18));
    const found = (['text', 'rest'] as const).flatMap((which) => [
      ...dump.memory.findPages(which, isAny),
    ]);
    expect(found.map(Number).sort((a, b) => a - b)).toEqual(
      [16, 17, 18, 19].map((pfn) => pfn * 4096),
    );
  });

  it.each([
    ['another machine', { sysname: 'Other' }],
    ['another size', { maxPfn: 65 }],
  ])('throws Unsupported for parts of dumps of %s', (_, more) => {
    const error = thrownBy(() => join(part(0, 17), part(17, 64, more)));
    expect(error).toMatchObject({ tag: 'Unsupported', reason: 'unsupported_format' });
  });

  it('throws Unsupported for dumps that are whole', () => {
    const whole = kdump({ pages: PAGES }).bytes;
    expect(thrownBy(() => join(whole, whole)).message).toContain('not the parts of one split dump');
    expect(() => join()).toThrow('not the parts');
  });
});

const BUILT = kernel({ fillers: 300 });
const FIRST = Number(BUILT.physical / 4096n);
/** The array and kallsyms lie in different parts. */
const CUT = Number(BUILT.at('vmcoreinfo') / 4096n);
const parts = (
  [
    [0, CUT],
    [CUT, FIRST + 4096],
  ] as const
).map((split) => kdumpOf(BUILT, { split }).bytes);

function decode(files: readonly Uint8Array[]): CrashReport {
  return decodeVmcore(files.map((file) => openVmcore(bytesSource(file))));
}

describe('decodeVmcore of the parts of one dump', () => {
  it('says what the whole dump says', () => {
    const whole = decode([kdumpOf(BUILT).bytes]);
    expect(decode(parts)).toMatchObject(whole);
    expect(decode([...parts].reverse())).toMatchObject(whole);
  });

  it('is lost for words when it has one part alone', () => {
    for (const one of parts) {
      expect(decode([one]).hwerr).toEqual({ kind: 'absent', reason: 'page_lost' });
    }
  });
});

describe('the part that a file is', () => {
  const partOf = (file: Uint8Array): SplitPart | undefined => openVmcore(bytesSource(file)).part;

  it('is the same dump for its parts, and their ranges in bytes', () => {
    const [one, two] = parts.map(partOf);
    expect(one).toMatchObject({ start: 0, end: CUT * 4096 });
    expect(two?.start).toBe(CUT * 4096);
    expect(two?.dump).toBe(one?.dump);
  });

  it('is undefined for a whole dump', () => {
    expect(partOf(kdumpOf(BUILT).bytes)).toBeUndefined();
    expect(partOf(elfDumpOf(BUILT))).toBeUndefined();
  });

  it('is another dump after another crash of the same machine', () => {
    const later = kernel({
      fillers: 300,
      editVmcoreinfo: (text) => text.replace(/CRASHTIME=.*/, 'CRASHTIME=1'),
    });
    const [one] = parts;
    const other = kdumpOf(later, { split: [0, CUT] }).bytes;
    expect(partOf(other)?.dump).not.toBe(partOf(one!)?.dump);
  });
});
