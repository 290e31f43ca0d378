import { describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS, type Limits, limitsWithin } from '../../src/vmcore/limits.ts';
import { hwerrTypes } from '../support/builders/btf-builder.ts';
import { ByteWriter } from '../support/builders/bytes.ts';
import { flatRecords, flatStream, flatten } from '../support/builders/flattened-builder.ts';
import { elfDumpOf, kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { decodeCounted } from '../support/dumps/decode-cost.ts';
import {
  linkedSymbols,
  systemMapFile,
  systemMapText,
  vmlinuxSymbolFile,
} from '../support/dumps/symbol-files.ts';
import { thrownBy } from '../support/system/thrown.ts';

const BUILT = kernel({ fillers: 20 });
/** A kernel whose own table has no data symbols. */
const BARE = kernel({ fillers: 20, arrayName: null });
const ELF = elfDumpOf(BUILT);
const KDUMP = kdumpOf(BUILT).bytes;
const IMAGE = { physical: BUILT.physical, bytes: BUILT.image };
const OTHER_TEXT = new ByteWriter().text(kernel({ release: 'other', fillers: 0 }).vmcoreinfo, 4096);
const DECOY = { physical: 0x10000, bytes: OTHER_TEXT.toBytes() };

interface Crossing {
  readonly limit: number;
  readonly file: Uint8Array;
  /** What is thrown; without a tag, why the counters are unreadable. */
  readonly error: { readonly tag?: string; readonly reason: string };
}

const exceeded = { tag: 'LimitExceeded', reason: 'limit_exceeded' };

/** For every limit a dump that crosses it when it is lowered: a new limit does not compile without. */
const CROSSINGS: Record<
  Exclude<
    keyof Limits,
    'pageCacheBytes' | 'logRecords' | 'symbolFileBytes' | 'symbolFileSections' | 'btfBytes'
  >,
  Crossing
> = {
  segments: { limit: 1, file: ELF, error: exceeded },
  flattenedRecords: { limit: 3, file: flatten(KDUMP), error: exceeded },
  flattenedHoles: {
    limit: 1000,
    file: flatStream([...flatRecords(KDUMP), { offset: 1 << 20, bytes: Uint8Array.of(1) }]),
    error: exceeded,
  },
  overlappingExtents: {
    limit: 2,
    file: elfDumpOf(BUILT, { segments: [IMAGE, IMAGE, IMAGE] }),
    error: exceeded,
  },
  notes: { limit: 1, file: ELF, error: exceeded },
  vmcoreinfoBytes: {
    limit: 64,
    file: elfDumpOf(BUILT, { excluded: ['vmcoreinfo'] }),
    error: { tag: 'Corrupt', reason: 'no_vmcoreinfo' },
  },
  vmcoreinfoCandidates: {
    limit: 1,
    file: elfDumpOf(BUILT, { segments: [DECOY, IMAGE], note: false }),
    error: { tag: 'Corrupt', reason: 'corrupt' },
  },
  pageFrames: { limit: 100, file: KDUMP, error: exceeded },
  kallsymsSymbols: { limit: 10, file: ELF, error: { reason: 'limit_exceeded' } },
  symbolNameBytes: { limit: 8, file: ELF, error: { reason: 'no_kallsyms' } },
};

function decode(file: Uint8Array, lowered: Partial<Limits> = {}): CrashReport {
  return decodeVmcore(bytesSource(file), { limits: { ...DEFAULT_LIMITS, ...lowered } });
}

describe.each(Object.entries(CROSSINGS))('limit %s', (name, { limit, file, error }) => {
  it('is not crossed by an honest dump', () => {
    expect(decode(file).hwerr.kind).toBe('present');
  });

  it('stops the decoder when it is crossed', () => {
    const crossed = (): CrashReport => decode(file, { [name]: limit });
    if ('tag' in error) expect(thrownBy(crossed)).toMatchObject(error);
    else expect(crossed().hwerr).toMatchObject({ kind: 'unreadable', ...error });
  });
});

it('limit pageCacheBytes costs time, not the answer, when it is crossed', () => {
  const { bytes } = kdumpOf(kernel());
  const [whole, lowered] = [DEFAULT_LIMITS, { ...DEFAULT_LIMITS, pageCacheBytes: 4096 }].map(
    (limits) => decodeCounted(bytesSource(bytes), { limits }),
  );
  expect(lowered!.cost.pages).toBeGreaterThan(whole!.cost.pages);
  expect(lowered!.report.hwerr).toEqual(whole!.report.hwerr);
});

it('limit logRecords leaves the newest records of the log, which says so, when it is crossed', () => {
  const file = elfDumpOf(kernel({ log: { records: ['old', 'middle', 'new'] } }));
  expect(decode(file).log).toMatchObject({ records: 3, truncated: false });
  expect(decode(file, { logRecords: 2 }).log).toMatchObject({ records: 2, truncated: true });
  expect([32, 256, 1024].map((mib) => limitsWithin(mib * 2 ** 20).logRecords)).toEqual([
    8192, 65_536, 65_536,
  ]);
});

/** What crosses these is not needed by every dump: it becomes a warning, and the search goes on. */
describe.each([
  ['symbolFileBytes', 100, 'System.map: got ', [systemMapFile(systemMapText(linkedSymbols(BARE)))]],
  ['symbolFileBytes', 100, 'vmlinux: section: got ', [vmlinuxSymbolFile(BARE)]],
  ['symbolFileSections', 3, 'vmlinux: e_shnum: got 4, limit 3', [vmlinuxSymbolFile(BARE)]],
] as const)('limit %s, of a file with symbols', (name, limit, warning, symbolFiles) => {
  const decoded = (limits: Partial<Limits>): CrashReport =>
    decodeVmcore(bytesSource(elfDumpOf(BARE)), {
      limits: { ...DEFAULT_LIMITS, ...limits },
      symbolFiles: () => symbolFiles,
    });

  it('is not crossed by an honest file', () => {
    expect(decoded({})).toMatchObject({ hwerr: { kind: 'present' }, warnings: [] });
  });

  it('passes the file over when it is crossed, with a warning', () => {
    const { hwerr, warnings } = decoded({ [name]: limit });
    expect(hwerr).toEqual({ kind: 'absent', reason: 'symbol_not_found' });
    expect(warnings[0]).toContain(warning);
  });
});

it('limit btfBytes leaves the known layout, with a warning, when it is crossed', () => {
  const built = kernel({ fillers: 20, arrayRoom: 96, btf: { types: hwerrTypes() } });
  const bytes = elfDumpOf(built);
  expect(decode(bytes).layoutSource).toBe('btf');
  const { layoutSource, warnings } = decode(bytes, { btfBytes: 50 });
  expect(layoutSource).toBe('builtin');
  expect(warnings[0]).toMatch(/^layout: btf: type_len: got \d+, limit 50$/);
});
