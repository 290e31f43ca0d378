// What fuzzing begins with: for each target a few small inputs that it reads to their end.

import { deflateSync } from 'node:zlib';

import { hwerrTypes, btf } from '../support/builders/btf-builder.ts';
import {
  BE64,
  ByteWriter,
  LE32,
  LE64,
  bytesOf,
  concat,
  patternPage,
} from '../support/builders/bytes.ts';
import { flatRecords, flatStream } from '../support/builders/flattened-builder.ts';
import { kallsymsKeys, kallsymsTables } from '../support/builders/kallsyms-builder.ts';
import type { KdumpCodec } from '../support/builders/kdump-builder.ts';
import {
  type BuiltKernel,
  elfDumpOf,
  kdumpOf,
  kernel,
} from '../support/builders/kernel-builder.ts';
import { logSeeds } from './log-seeds.ts';
import { legacyLog } from '../support/builders/legacy-log-builder.ts';
import { lzoEncode } from '../support/builders/lzo-encoder.ts';
import { MACHINE_NAMES, type MachineName } from '../support/builders/fake-machines.ts';
import { kernelNotes } from '../support/builders/notes-builder.ts';
import { printkRing } from '../support/builders/printk-builder.ts';
import { snappyEncode } from '../support/builders/snappy-encoder.ts';
import { vmlinuxFile } from '../support/builders/vmlinux-builder.ts';
import { zstdEncode } from '../support/builders/zstd-encoder.ts';

/** Where the memory of an `image` input begins: IMAGE_BASE of targets.mjs. */
const IMAGE_BASE = 0xffffffff81000000n;

type Seeds = Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;

export function seeds(): Seeds {
  const dumps = dumpSeeds();
  return {
    dump: dumps,
    'dump-btf': { elf: sparseElf(btfKernel()) },
    counts: {
      note: Uint8Array.of(9, 0, 0, 2, 0, 0xff),
      end: Uint8Array.of(17, 0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
    },
    split: { two: splitSeed() },
    ...codecSeeds(),
    flattened: { kdump: dumps['flattened']!, overlap: overlappingSeed() },
    notes: { little: notesSeed(0), big: notesSeed(1) },
    kallsyms: {
      place: kallsymsSeed('place', 'v6.4'),
      base: kallsymsSeed('base', 'v6.4'),
      percpu: kallsymsSeed('percpu', 'v6.2'),
      addresses: kallsymsSeed('addresses', 'v6.0'),
    },
    btf: { both: image('', btf({ types: hwerrTypes() })) },
    printk: {
      wrapped: printkSeed(2, 88),
      larger: printkSeed(3, 112),
      legacy: legacyLogSeed(0),
      'legacy-be': legacyLogSeed(1),
    },
    log: logSeeds(),
    vmlinux: {
      small: vmlinuxFile({ symbols: KERNEL_SYMBOLS, buildId: BUILD_ID }),
      narrow: vmlinuxFile({ symbols: KERNEL_SYMBOLS, buildId: BUILD_ID, order: LE32 }),
    },
    'system-map': {
      small: bytesOf(
        'ffffffff81000000 T _stext\nffffffff82000000 D hwerr_data\nffffffff82000050 D x\n',
      ),
    },
  };
}

/** Small: a fuzzer runs them thousands of times a second. */
function smallKernel(machine: MachineName = 'x86_64'): BuiltKernel {
  return kernel({ machine, fillers: 260, log: { records: LINES } });
}

const LINES = ['one', 'BUG: two', 'Kernel panic - not syncing: three', 'four'];

function dumpSeeds(): Record<string, Uint8Array> {
  const built = smallKernel();
  const found: Record<string, Uint8Array> = {};
  for (const machine of MACHINE_NAMES) {
    const extendedNumbering = machine === 's390x';
    found[`elf-${machine}`] = sparseElf(smallKernel(machine), { extendedNumbering });
  }
  for (const codec of CODECS) found[`kdump-${codec}`] = kdumpOf(built, { codec }).bytes;
  found['kdump-no-note'] = kdumpOf(built, { note: false, bitmaps: 1, version: 3 }).bytes;
  found['kdump-padded'] = kdumpOf(smallKernel('arm32'), { padded: true }).bytes;
  found['kdump-be'] = kdumpOf(smallKernel('s390x'), { codec: 'lzo' }).bytes;
  found['elf-no-note'] = sparseElf(built, { note: false });
  found['flattened'] = flatStream(flatRecords(kdumpOf(built, { codec: 'zlib' }).bytes, 8192));
  return found;
}

const CODECS: readonly KdumpCodec[] = ['zlib', 'lzo', 'snappy', 'zstd'];

/** A kernel with a category of its own, which only BTF knows. */
function btfKernel(): BuiltKernel {
  const categories = ['CPU', 'MEMORY', 'PCI', 'CXL', 'GPU', 'OTHERS'];
  const counters = categories.map((_, i) => [i, i * 1000] as const);
  return kernel({ fillers: 30, counters, btf: { types: hwerrTypes(categories) } });
}

/** An ELF core of the pages that are not zeros. */
function sparseElf(
  built: BuiltKernel,
  options: { note?: boolean; extendedNumbering?: boolean } = {},
): Uint8Array {
  const segments = [];
  for (let at = 0; at < built.image.length; at += 4096) {
    const bytes = built.image.subarray(at, at + 4096);
    if (bytes.some((byte) => byte !== 0))
      segments.push({ physical: built.physical + BigInt(at), bytes });
  }
  return elfDumpOf(built, { segments, ...options });
}

function splitSeed(): Uint8Array {
  const built = smallKernel();
  const middle = Number(built.at('kallsyms') / 4096n);
  const parts = [
    [0, middle],
    [middle, middle + 4096],
  ] as const;
  const [one, two] = parts.map((split) => kdumpOf(built, { split }).bytes) as [
    Uint8Array,
    Uint8Array,
  ];
  return concat(new ByteWriter(BE64).u32(one.length).toBytes(), one, two);
}

function codecSeeds(): Record<string, Record<string, Uint8Array>> {
  const page = patternPage(3);
  const text = new Uint8Array(512).map((_, i) => (i * i) >> 5);
  const of = (encode: (bytes: Uint8Array) => Uint8Array): Record<string, Uint8Array> => ({
    page: concat(Uint8Array.of(0), encode(page)),
    short: concat(Uint8Array.of(1), encode(text)),
  });
  return {
    zlib: of((bytes) => new Uint8Array(deflateSync(bytes, { level: 1 }))),
    lzo: of(lzoEncode),
    snappy: of(snappyEncode),
    zstd: of(zstdEncode),
    'lzo-stream': { page: lzoEncode(page), short: lzoEncode(text) },
  };
}

function overlappingSeed(): Uint8Array {
  return flatStream([
    { offset: 0, bytes: patternPage(1, 300) },
    { offset: 100, bytes: patternPage(2, 50) },
    { offset: 400, bytes: patternPage(3, 100) },
    { offset: 20, bytes: patternPage(4, 10) },
  ]);
}

function notesSeed(order: 0 | 1): Uint8Array {
  const text = 'OSRELEASE=6.19\nSYMBOL(_stext)=ffffffff81000000\nNUMBER(phys_base)=-4096\n';
  return concat(Uint8Array.of(order), kernelNotes(text, order === 0 ? LE64 : BE64));
}

/** An `image` input: which byte order, VMCOREINFO, and memory from IMAGE_BASE on. */
function image(text: string, memory: Uint8Array, order: 0 | 1 = 0): Uint8Array {
  return concat(Uint8Array.of(4 + order), bytesOf(`${text}\0`), memory);
}

function kallsymsSeed(
  addressing: 'place' | 'base' | 'percpu' | 'addresses',
  layout: 'v6.0' | 'v6.2' | 'v6.4',
): Uint8Array {
  const symbols = Array.from({ length: 300 }, (_, i) => ({
    name: `fn_${(i * 7919) % 10007}`,
    address: IMAGE_BASE + BigInt(0x100 + 16 * i),
  }));
  symbols.push({ name: '_stext', address: IMAGE_BASE });
  symbols.push({ name: 'hwerr_data.llvm.1', address: IMAGE_BASE + 0x9000n });
  const tables = kallsymsTables({ symbols, addressing, layout }, IMAGE_BASE);
  const stext = `SYMBOL(_stext)=${IMAGE_BASE.toString(16)}\n`;
  return image(stext + kallsymsKeys(tables), tables.bytes);
}

const RING_AT = IMAGE_BASE + 0x40n;

function legacyLogSeed(order: 0 | 1): Uint8Array {
  const records = [
    ...LINES.map((text, i) => ({ text, facility: i & 1, dict: 'SUBSYSTEM=pci\0DEVICE=+pci:x' })),
    { text: 'a ', flags: 8 },
    { text: 'line', flags: 2 },
  ];
  const built = legacyLog({
    ...{ order: order === 0 ? LE64 : BE64, at: RING_AT, buffer: RING_AT + 0x40n },
    ...{ records, bufferBytes: 256, callers: order === 1 },
  });
  const variables = new ByteWriter().zeros(0x40).bytes(built.variables).padTo(0x80).toBytes();
  return image(built.keys, concat(variables, built.buffer), order);
}

function printkSeed(countBits: number, infoSize: number): Uint8Array {
  const built = printkRing({
    ...{ order: LE64, at: RING_AT, records: LINES, countBits, sizeBits: 8, infoSize },
    ...{ firstId: (1n << 62n) - 2n, firstPosition: 200n },
  });
  return image(built.keys, concat(new Uint8Array(0x40), built.bytes));
}

const KERNEL_SYMBOLS = [
  { name: '_stext', address: 0x1000n },
  { name: 'hwerr_data', address: 0x2000n },
  { name: 'next', address: 0x2050n },
];
const BUILD_ID = '0123456789abcdef0123456789abcdef01234567';
