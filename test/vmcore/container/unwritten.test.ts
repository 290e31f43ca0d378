// Zeros that nobody wrote: a dump that has its size, and of which a part never arrived.

import { describe, expect, it } from 'vitest';

import {
  type CrashReport,
  VmcoreError,
  bytesSource,
  decodeVmcore,
} from '../../../src/vmcore/index.ts';
import { LE64, ByteWriter, concat } from '../../support/builders/bytes.ts';
import { flatRecords, flatStream } from '../../support/builders/flattened-builder.ts';
import {
  type BuiltKernel,
  type Counter,
  elfDumpOf,
  kdumpOf,
  kernel,
} from '../../support/builders/kernel-builder.ts';

const PAGE = 4096;
/** The array's page is the last of the image, as of one that a dump broke off before. */
const LAST = 0x80000;
/** struct kdump_sub_header, behind its phys_base. */
const DUMP_LEVEL_AT = PAGE + 8;
const RECORD = 1 << 24; // no header of a record lies within the dump
const COUNTERS: readonly Counter[] = [1, 2, 3, 4, 5].map((n) => [n, 1_790_000_000 + n]);
const ZEROS: readonly Counter[] = COUNTERS.map(() => [0, 0]);

/** The array's page comes last in the file, but for `behind` bytes of another. */
function elfOf(built: BuiltKernel, behind = 0): Uint8Array {
  const array = Number(built.at('array') - built.physical);
  const piece = (from: number, to?: number): { physical: bigint; bytes: Uint8Array } => ({
    physical: built.physical + BigInt(from),
    bytes: built.image.subarray(from, to),
  });
  const tail = { physical: 0x1000, bytes: new Uint8Array(behind).fill(1) };
  const segments = [piece(0, array), piece(array + PAGE), piece(array, array + PAGE), tail];
  return elfDumpOf(built, { segments });
}

function rawOf(built: BuiltKernel, behind = 0): Uint8Array {
  const { bytes } = kdumpOf(built, { codec: 'raw' });
  return concat(bytes, new Uint8Array(behind).fill(1));
}

const flat = (file: Uint8Array): Uint8Array => flatStream(flatRecords(file, RECORD));

const CONTAINERS: [string, (built: BuiltKernel, behind?: number) => Uint8Array][] = [
  ['an ELF core', elfOf],
  ['a kdump file', rawOf],
  ['a flattened ELF core', (...how) => flat(elfOf(...how))],
  ['a flattened kdump file', (...how) => flat(rawOf(...how))],
];

/** Where the last copy of the array lies. */
function arrayIn(file: Uint8Array): number {
  const [count, seconds] = COUNTERS[0]!;
  const first = new ByteWriter(LE64).u32(count).u32(0).u64(seconds).toBytes();
  return Buffer.from(file).lastIndexOf(first);
}

/** What comes of the file when `[from, to)` was never written. */
function without(file: Uint8Array, from: number, to: number): CrashReport {
  return decodeVmcore(bytesSource(Uint8Array.from(file).fill(0, from, to)));
}

describe.each(CONTAINERS)('the array in %s', (_, make) => {
  const file = make(kernel({ counters: COUNTERS, fillers: 300, arrayOffset: LAST }));
  const longer = make(kernel({ counters: COUNTERS, fillers: 300, arrayOffset: LAST }), 3 * PAGE);
  const array = arrayIn(file);
  const block = array - (array % PAGE);

  it('is read where all was written', () => {
    for (const whole of [file, longer]) {
      const { hwerr, incomplete, warnings } = decodeVmcore(bytesSource(whole));
      expect(hwerr).toMatchObject({ kind: 'present', categories: [{ count: 1 }, {}, {}, {}, {}] });
      expect({ incomplete, warnings }).toEqual({ incomplete: false, warnings: [] });
    }
  });

  it.each([
    ['its page', longer, array, array + PAGE],
    ['its block of the file', longer, block, block + PAGE],
    ['its page and the rest', file, array, Infinity],
    ['all but its first counts', file, array + 20, Infinity],
    ['its last time', file, array + 72, Infinity],
    ['all from its block of the file on', longer, block, Infinity],
  ])('is lost where %s was never written', (__, whole, from, to) => {
    const { hwerr, incomplete, warnings } = without(whole, from, to);
    expect(hwerr).toEqual({ kind: 'absent', reason: 'page_lost' });
    expect(incomplete).toBe(true);
    expect(warnings.join()).toMatch(/^(hwerr_data|file): .* never written/);
  });

  it('is believed to have counted nothing where its page has other data', () => {
    const counted = decodeVmcore(
      bytesSource(make(kernel({ counters: ZEROS, fillers: 300, arrayOffset: LAST }))),
    );
    expect(counted.hwerr).toMatchObject({
      kind: 'present',
      categories: [{ count: 0 }, {}, {}, {}, {}],
    });
    expect(counted.warnings).toEqual([]);
  });
});

describe('a page of zeros in a kdump file', () => {
  const built = kernel({ counters: ZEROS, fillers: 300, arrayOffset: LAST });
  const array = Number(built.at('array') - built.physical);
  const blank = { ...built, image: Uint8Array.from(built.image).fill(0, array, array + PAGE) };

  it('is one where its writer says so: all such pages share a block', () => {
    const { hwerr } = decodeVmcore(bytesSource(kdumpOf(blank, { codec: 'raw' }).bytes));
    expect(hwerr.kind).toBe('present');
  });

  it('was never written where it has a place of its own', () => {
    const file = rawOf(built, PAGE);
    const end = file.length - PAGE;
    expect(without(file, end - PAGE, end).hwerr).toEqual({
      kind: 'absent',
      reason: 'page_lost',
    });
  });
});

describe('a kdump file that ends with two pages of zeros', () => {
  const built = kernel({ counters: COUNTERS, fillers: 300 });
  const others = new Uint8Array(3 * PAGE).fill(1);
  const file = rawOf({ ...built, image: concat(built.image, others) }).fill(0, -2 * PAGE);

  it.each([
    [0, false],
    [31, true],
  ])('at dump level %i is incomplete: %j', (level, incomplete) => {
    const dump = Uint8Array.from(file);
    dump[DUMP_LEVEL_AT] = level;
    const report = decodeVmcore(bytesSource(dump));
    expect([report.hwerr.kind, report.incomplete]).toEqual(['present', incomplete]);
    expect(report.warnings).toHaveLength(incomplete ? 1 : 0);
  });
});

describe('a whole dump that its disk fills up with zeros', () => {
  const built = kernel({ counters: COUNTERS, fillers: 300, arrayOffset: LAST });
  const codecs = ['raw', 'zlib', 'lzo', 'snappy', 'zstd'] as const;
  const kdumps = codecs.map((codec): [string, Uint8Array] => [
    codec,
    kdumpOf(built, { codec }).bytes,
  ]);

  it.each<[string, Uint8Array]>([
    ...kdumps,
    ...kdumps.map(([codec, file]): [string, Uint8Array] => [`${codec}, flattened`, flat(file)]),
    ['ELF', elfOf(built)],
    ['ELF, flattened', flat(elfOf(built))],
  ])('is whole: %s', (_, file) => {
    const { hwerr, incomplete, warnings } = decodeVmcore(
      bytesSource(concat(file, new Uint8Array(1 << 20))),
    );
    expect(hwerr.kind).toBe('present');
    expect({ incomplete, warnings }).toEqual({ incomplete: false, warnings: [] });
  });

  it.each(kdumps.slice(1))('lacks its last page where part of that is zeros too: %s', (_, file) => {
    const { hwerr, incomplete } = without(
      concat(file, new Uint8Array(8192)),
      file.length - 20,
      Infinity,
    );
    expect(hwerr).toEqual({ kind: 'absent', reason: 'page_lost' });
    expect(incomplete).toBe(true);
  });
});

describe('an uncompressed dump that lacks 512 bytes of its tables of symbols', () => {
  const built = kernel({ counters: COUNTERS, fillers: 1500, merges: 40, arrayOffset: LAST });
  const [from, length] = [
    Number(built.at('kallsyms') - built.physical),
    built.kallsyms.bytes.length,
  ];

  it.each(['ELF', 'kdump'])('has the counts, or is incomplete: %s', (container) => {
    const answers = Array.from({ length: Math.floor(length / 512) }, (_, i) => {
      const image = Uint8Array.from(built.image).fill(0, from + 512 * i, from + 512 * (i + 1));
      const lacking = { ...built, image };
      const file =
        container === 'ELF' ? elfDumpOf(lacking) : kdumpOf(lacking, { codec: 'raw' }).bytes;
      const { hwerr, incomplete } = decodeVmcore(bytesSource(file));
      return hwerr.kind === 'present'
        ? hwerr.categories[4]?.count
        : `${hwerr.reason} ${incomplete}`;
    });
    expect(new Set(answers)).toEqual(new Set([5, 'page_lost true']));
  });
});

it('reads what arrived of a copy whose bitmaps have long runs of zeros', () => {
  const built = kernel({ fillers: 300 });
  const image = concat(
    built.image,
    Uint8Array.from({ length: 3 * PAGE }, (_, i) => i >> 4),
  );
  const { bytes } = kdumpOf({ ...built, image }, { codec: 'zlib', maxPfn: 1 << 24 });
  const filledUp = concat(bytes, new Uint8Array(PAGE));
  const { hwerr, incomplete, warnings } = without(filledUp, bytes.length - 20, Infinity);
  expect([hwerr.kind, incomplete]).toEqual(['present', true]);
  expect(warnings).toHaveLength(1);
});

/** What a copy says that has its size, and nothing behind `from` but zeros. */
function arrivedUntil(file: Uint8Array, from: number): string {
  try {
    const { hwerr, incomplete } = without(file, from, Infinity);
    if (hwerr.kind !== 'absent') return hwerr.kind;
    return `${hwerr.reason} ${incomplete ? 'incomplete' : 'complete'}`;
  } catch (error) {
    if (error instanceof VmcoreError) return error.reason;
    throw error;
  }
}

describe.each(CONTAINERS)('a copy of %s with its whole size', (_, make) => {
  const file = make(kernel({ counters: COUNTERS, fillers: 300, arrayOffset: LAST }));
  const inHeaders = [0, 1, 4, 6, 7, 8, 15, 16, 17, 20, 40, 52, 60, 64, 100, 300, 430, 464, 1000];
  const end = arrayIn(file);
  const spread = Array.from({ length: 60 }, (__, i) => Math.floor((i * end) / 60));

  it('is incomplete however little of it arrived', () => {
    const answers = [...inHeaders, ...spread].map((from) => [from, arrivedUntil(file, from)]);
    const others = answers.filter(
      ([, answer]) => !/^(truncated|page_lost incomplete|unreadable)$/.test(String(answer)),
    );
    expect(others).toEqual([]);
  });
});

describe.each(CONTAINERS)('a copy of %s that lacks one block', (_, make) => {
  const recipe = { counters: COUNTERS, fillers: 1500, arrayOffset: LAST };
  const file = make(kernel(recipe), 3 * PAGE);
  const truth = decodeVmcore(bytesSource(file));

  /** What it says that is wrong, or final though it lacks something; undefined: nothing. */
  function faultOf(block: number): string | undefined {
    try {
      const { hwerr, incomplete, ...report } = without(file, block, block + PAGE);
      if (hwerr.kind === 'present') expect(hwerr).toEqual(truth.hwerr);
      else if (!incomplete) return `${hwerr.kind} ${hwerr.reason}`;
      const wrong = (['nodename', 'bootId', 'crashTimeSeconds'] as const).filter(
        (key) => report[key] !== null && report[key] !== truth[key],
      );
      return wrong.length > 0 ? wrong.join() : undefined;
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      return ['truncated', 'page_lost'].includes(error.reason) ? undefined : error.message;
    }
  }

  it('says nothing wrong, and is incomplete where it lacks the counts', () => {
    const blocks = Array.from({ length: Math.floor(file.length / PAGE) }, (__, i) => i * PAGE);
    const faults = blocks.map((block) => [block.toString(16), faultOf(block)]);
    expect(truth.hwerr.kind).toBe('present');
    expect(faults.filter(([, fault]) => fault !== undefined)).toEqual([]);
  });
});
