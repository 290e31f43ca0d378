import { describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/vmcore/limits.ts';
import { ByteWriter } from '../support/bytes.ts';
import { flatten } from '../support/flattened-builder.ts';
import { elfDumpOf, kdumpOf, kernel } from '../support/kernel-builder.ts';
import { thrownBy } from '../support/thrown.ts';

const BUILT = kernel({ fillers: 20 });
const ELF = elfDumpOf(BUILT);
const KDUMP = kdumpOf(BUILT).bytes;
const IMAGE = { physical: BUILT.physical, bytes: BUILT.image };
const OTHER_TEXT = new ByteWriter().text(kernel({ release: 'other', fillers: 0 }).vmcoreinfo, 4096);
const DECOY = { physical: 0x10000, bytes: OTHER_TEXT.toBytes() };

interface Crossing {
  readonly limit: number;
  readonly file: Uint8Array;
  /** What is thrown. */
  readonly error: { readonly tag: string; readonly reason: string };
}

const exceeded = { tag: 'LimitExceeded', reason: 'limit_exceeded' };

/** For every limit a dump that crosses it when it is lowered: a new limit does not compile without. */
const CROSSINGS: Record<Exclude<keyof Limits, 'pageCacheBytes'>, Crossing> = {
  segments: { limit: 1, file: ELF, error: exceeded },
  flattenedRecords: { limit: 3, file: flatten(KDUMP), error: exceeded },
  overlappingExtents: {
    limit: 2,
    file: elfDumpOf(BUILT, { segments: [IMAGE, IMAGE, IMAGE] }),
    error: exceeded,
  },
  noteBytes: { limit: 100, file: ELF, error: exceeded },
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
  kallsymsSymbols: { limit: 10, file: ELF, error: exceeded },
  symbolNameBytes: { limit: 8, file: ELF, error: { tag: 'Corrupt', reason: 'no_kallsyms' } },
};

function decode(file: Uint8Array, lowered: Partial<Limits> = {}): CrashReport {
  return decodeVmcore(bytesSource(file), { ...DEFAULT_LIMITS, ...lowered });
}

describe.each(Object.entries(CROSSINGS))('limit %s', (name, { limit, file, error }) => {
  it('is not crossed by an honest dump', () => {
    expect(decode(file).hwerr.kind).toBe('present');
  });

  it('stops the decoder when it is crossed', () => {
    expect(thrownBy(() => decode(file, { [name]: limit }))).toMatchObject(error);
  });
});

it('limit pageCacheBytes costs time, not the answer, when it is crossed', () => {
  const [whole, lowered] = [decode(KDUMP), decode(KDUMP, { pageCacheBytes: 4096 })];
  expect(lowered.debug.pages).toBeGreaterThan(whole.debug.pages);
  expect(lowered.hwerr).toEqual(whole.hwerr);
});
