/**
 * Pages of dumps of every form as we and as libkdumpfile and drgn read them. Debian 12 has
 * libkdumpfile 0.5.1 and drgn 0.0.22; what those cannot read is listed with the reason, and the list
 * is checked: a form that they learn to read fails here until it is taken off.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import type { ByteOrder } from '../../src/vmcore/bytes/cursor.ts';
import { BE32, BE64, LE32, LE64, patternPage } from '../support/builders/bytes.ts';
import { type ElfRecipe, elfCore } from '../support/builders/elf-core-builder.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { flatten } from '../support/builders/flattened-builder.ts';
import { type KdumpCodec, type KdumpRecipe, kdump } from '../support/builders/kdump-builder.ts';
import { kernelNotes } from '../support/builders/notes-builder.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsPythonModule } from '../support/system/tools.ts';
import { type Reader, compare } from './other-readers.ts';

const kdumpfile = needsPythonModule('kdumpfile');
const drgn = needsPythonModule('drgn');
const TOOLS = { kdumpfile, drgn } as const;

/** Why a reader does not read a form, and what is seen of it. */
type Known = readonly [reason: string, seen: RegExp];

interface Form {
  readonly name: string;
  /** The files of the dump: more than one when it is split. */
  readonly files: readonly Uint8Array[];
  readonly fails?: Partial<Record<Reader, Known>>;
}

const FLATTENED = [
  'flattened files are read since libkdumpfile 0.5.3',
  /Unknown file format/,
] as const;
const ONE_BITMAP = [
  'it takes one bitmap with room for twice the pages for two',
  /theirs null/,
] as const;
const SPLITS = [
  [0, 6],
  [6, 42],
  [42, 64],
] as const;
const PADDED = ['0.5.1 finds no page in it: max_pfn is 0', /theirs null/] as const;
const NO_PAGE_SIZE = ['without a VMCOREINFO note it knows no page size', /theirs null/] as const;
const NOTES = kernelNotes('OSRELEASE=x\n', LE32);
const PAGES = new Map([3, 4, 5, 7, 40, 41, 42, 43].map((n) => [n, patternPage(n)] as const));
PAGES.set(6, new Uint8Array(4096));
const EXCLUDED = [9, 10, 44];
const MACHINES = new Map<ByteOrder, string>([
  [LE64, 'x86_64'],
  [BE64, 's390x'],
  [LE32, 'i686'],
  [BE32, 'ppc'],
]);

function kdumpForm(name: string, recipe: Partial<KdumpRecipe>, fails?: Form['fails']): Form {
  const { order = LE64 } = recipe;
  const machine = MACHINES.get(order)!;
  const whole = { pages: PAGES, excluded: EXCLUDED, maxPfn: 64, machine, ...recipe };
  return { name, files: [kdump(whole).bytes], ...(fails && { fails }) };
}

const CODECS: readonly KdumpCodec[] = ['raw', 'zlib', 'lzo', 'snappy', 'zstd'];

const KDUMP_FORMS: readonly Form[] = [
  ...CODECS.map((codec) => kdumpForm(`kdump ${codec}`, { codec })),
  kdumpForm('kdump with every codec', {
    codec: (pfn) => CODECS[pfn % CODECS.length]!,
  }),
  ...[16384, 65536].map((blockSize) =>
    kdumpForm(`kdump with blocks of ${blockSize}`, {
      blockSize,
      pages: new Map([1, 3].map((n) => [n, patternPage(n, blockSize)])),
      excluded: [],
      maxPfn: 4,
    }),
  ),
  {
    name: 'flattened kdump',
    files: [flatten(kdumpForm('', {}).files[0]!)],
    fails: { kdumpfile: FLATTENED },
  },
  // in every version and byte order, every codec
  ...CODECS.flatMap((codec) => [
    ...([1, 2, 3, 4, 5] as const).map((version) =>
      kdumpForm(`kdump version ${version} ${codec}`, { version, codec }),
    ),
    ...[BE64, LE32, BE32].map((order) =>
      kdumpForm(`kdump ${order.wordBits}-bit ${order.endian}-endian ${codec}`, { order, codec }),
    ),
    ...SPLITS.map((split) =>
      kdumpForm(`part ${split[0]} to ${split[1]} of a split kdump ${codec}`, { split, codec }),
    ),
  ]),
  kdumpForm('kdump with one bitmap', { bitmaps: 1 }, { kdumpfile: ONE_BITMAP }),
  kdumpForm(
    'kdump 32-bit with padding',
    { order: LE32, padded: true, notes: NOTES },
    { kdumpfile: PADDED },
  ),
];

function elfForm(name: string, recipe: Partial<ElfRecipe>): Form {
  const segments = [3, 4, 40].map((n) => ({
    physical: n * 4096,
    virtual: 0xffff888000000000n + BigInt(n * 4096),
    bytes: patternPage(n),
  }));
  return { name, files: [elfCore({ segments, ...recipe })] };
}

const ELF_FORMS: readonly Form[] = [
  elfForm('elf 64-bit little-endian', {}),
  elfForm('elf 64-bit big-endian', { order: BE64, machine: 22 }),
  elfForm('elf 32-bit little-endian', { order: LE32, machine: 40 }),
  elfForm('elf with program headers behind a gap', { programHeadersAt: 0x1000 }),
  elfForm('elf with a segment that ends inside memory', {
    segments: [{ physical: 4096 * 8, bytes: patternPage(8), memorySize: 3 * 4096 }],
  }),
];

function describeForms(reader: Reader, forms: readonly Form[]): void {
  TOOLS[reader].describe(`generated dumps by ${reader}`, () => {
    for (const { name, files, fails } of forms) {
      const known = fails?.[reader];
      const title = known ? `${name}: not read by it: ${known[0]}` : `${name}: the same pages`;
      it(title, () => {
        const folder = tempDir();
        const paths = files.map((_, i) => join(folder, `dump${i}`));
        for (const [i, path] of paths.entries()) writeFileSync(path, files[i]!);
        const { outcome, equal } = outcomeOf(reader, paths);
        if (known) expect(outcome).toMatch(known[1]);
        else {
          expect(outcome).toBe('the same pages');
          expect(equal).toBeGreaterThanOrEqual(1);
        }
      });
    }
  });
}

/** Its error, or the first difference, or that there is none. */
function outcomeOf(reader: Reader, paths: readonly string[]): { outcome: string; equal: number } {
  try {
    const { different, equal } = compare(reader, paths);
    return { outcome: different[0] ?? 'the same pages', equal };
  } catch (error) {
    return { outcome: String(error), equal: 0 };
  }
}

describeForms('kdumpfile', [...KDUMP_FORMS, ...ELF_FORMS]);
describeForms('drgn', ELF_FORMS);

/** Real dumps: those committed, and those beside the checkout. */
function realDumps(): string[] {
  const committed = readdirSync(fixture('.'))
    .filter((name) => !/\.(json|md)$|^symbols$/.test(name))
    .map(fixture);
  const shared = sharedVmcores();
  const big = shared === undefined ? [] : readdirSync(shared).map((name) => join(shared, name));
  return [...committed, ...big.filter((path) => /\.(elf|zlib|lzo|zstd|raw|flat-lzo)$/.test(path))];
}

/** What libkdumpfile cannot read of the real ones; drgn reads the ELF files by itself, all of them. */
function knownFailure(path: string): Known | undefined {
  if (path.includes('.flat')) return FLATTENED;
  return /(loongarch64|ppc64le)-.*\.elf$/.test(path) ? NO_PAGE_SIZE : undefined;
}

for (const path of realDumps()) {
  const name = path.split('/').slice(-2).join('/');
  const readers: Reader[] = path.endsWith('.elf') ? ['kdumpfile', 'drgn'] : ['kdumpfile'];
  for (const reader of readers) {
    const known = reader === 'kdumpfile' ? knownFailure(path) : undefined;
    TOOLS[reader].it(
      `${name} by ${reader}: ${known ? `not read by it: ${known[0]}` : 'the same pages'}`,
      () => {
        const { outcome, equal } = outcomeOf(reader, [path]);
        expect(outcome).toMatch(known?.[1] ?? /^the same pages$/);
        if (!known) expect(equal).toBeGreaterThan(20);
      },
    );
  }
}

it('there are real dumps to compare', () => {
  expect(realDumps().length).toBeGreaterThan(10);
});
