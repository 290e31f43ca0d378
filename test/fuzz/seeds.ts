// What fuzzing begins with: for each target a few small inputs that it reads to their end.

import { deflateSync } from 'node:zlib';

import {
  BE64,
  ByteWriter,
  LE32,
  LE64,
  bytesOf,
  concat,
  fromHex,
  patternPage,
} from '../support/bytes.ts';
import { elfCore } from '../support/elf-core-builder.ts';
import { flatRecords, flatStream } from '../support/flattened-builder.ts';
import { kallsymsKeys, kallsymsTables } from '../support/kallsyms-builder.ts';
import { type KdumpCodec, kdump } from '../support/kdump-builder.ts';
import { type BuiltKernel, elfDumpOf, kdumpOf, kernel } from '../support/kernel-builder.ts';
import { lzoEncode } from '../support/lzo-encoder.ts';
import { kernelNotes } from '../support/notes-builder.ts';
import { zstdEncode } from '../support/zstd-encoder.ts';

/** Where the memory of an `image` input begins: IMAGE_BASE of targets.mjs. */
const IMAGE_BASE = 0xffffffff81000000n;

type Seeds = Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;

export function seeds(): Seeds {
  const dumps = dumpSeeds();
  return {
    dump: dumps,
    'dump-btf': { elf: dumps['elf']! },
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
    btf: { both: btfSeed() },
    printk: { wrapped: printkSeed() },
    vmlinux: { small: vmlinuxSeed() },
    'system-map': {
      small: bytesOf(
        'ffffffff81000000 T _stext\nffffffff82000000 D hwerr_data\nffffffff82000050 D x\n',
      ),
    },
    code: {
      x86: fromHex('f30f1efa 83ff04 770f 4863ff 48c1e704 f0ff8700002082 4889870800 2082c3'),
      arm64: fromHex('00200090 00000491 02050091 001000 8b 1f0020b8 000400f9 c0035fd6'),
    },
  };
}

/** Small: a fuzzer runs them thousands of times a second. */
function smallKernel(physical = 0x100000n): BuiltKernel {
  return kernel({ fillers: 260, physical });
}

function dumpSeeds(): Record<string, Uint8Array> {
  const built = smallKernel();
  const found: Record<string, Uint8Array> = { elf: sparseElf(built) };
  for (const codec of ['raw', 'zlib', 'lzo', 'zstd'] as const satisfies readonly KdumpCodec[]) {
    found[`kdump-${codec}`] = kdumpOf(built, { codec }).bytes;
  }
  found['kdump-no-note'] = kdumpOf(built, { note: false, bitmaps: 1, version: 3 }).bytes;
  found['elf-no-note'] = sparseElf(built, false);
  found['kdump-32'] = kdump({
    order: LE32,
    machine: 'armv7l',
    padded: true,
    pages: new Map([[2, patternPage(1)]]),
    notes: kernelNotes('OSRELEASE=x\nSYMBOL(_stext)=c0008000\n', LE32),
  }).bytes;
  found['elf-be'] = elfCore({
    order: BE64,
    machine: 22,
    notes: kernelNotes('OSRELEASE=x\nSYMBOL(init_uts_ns)=0\nOFFSET(uts_namespace.name)=0\n', BE64),
    segments: [{ physical: 0, bytes: patternPage(2) }],
    extendedNumbering: true,
  });
  found['flattened'] = flatStream(flatRecords(kdumpOf(built, { codec: 'zlib' }).bytes, 8192));
  return found;
}

/** An ELF core of the pages that are not zeros. */
function sparseElf(built: BuiltKernel, note = true): Uint8Array {
  const segments = [];
  for (let at = 0; at < built.image.length; at += 4096) {
    const bytes = built.image.subarray(at, at + 4096);
    if (bytes.some((byte) => byte !== 0))
      segments.push({ physical: built.physical + BigInt(at), bytes });
  }
  return elfDumpOf(built, { segments, note });
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
    snappy: of(snappyLiteral),
    zstd: of(zstdEncode),
    'lzo-stream': { page: lzoEncode(page), short: lzoEncode(text) },
  };
}

/** A block of one literal and, where it can, a copy (google/snappy format_description.txt). */
function snappyLiteral(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const varint = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  return concat(
    Uint8Array.of(...varint, (61 << 2) | 0, (length - 1) & 0xff, (length - 1) >> 8),
    bytes,
  );
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
function image(text: string, memory: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(4), bytesOf(`${text}\0`), memory);
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

function btfSeed(): Uint8Array {
  const strings =
    '\0int\0hwerr_info\0count\0timestamp\0hwerr_error_type\0HWERR_RECOV_CPU\0HWERR_RECOV_MAX\0';
  const name = (text: string): number => strings.indexOf(`\0${text}\0`) + 1;
  const types = new ByteWriter(LE64);
  const type = (kind: number, vlen: number, nameOffset: number, size: number): ByteWriter =>
    types
      .u32(nameOffset)
      .u32((kind << 24) | vlen)
      .u32(size);
  type(1, 0, name('int'), 4).u32(0x20);
  type(2, 0, 0, 1);
  type(3, 0, 0, 0).u32(1).u32(1).u32(5);
  type(4, 2, name('hwerr_info'), 16);
  types.u32(name('count')).u32(1).u32(0).u32(name('timestamp')).u32(1).u32(64);
  type(6, 2, name('hwerr_error_type'), 4);
  types.u32(name('HWERR_RECOV_CPU')).u32(0).u32(name('HWERR_RECOV_MAX')).u32(1);
  const header = new ByteWriter(LE64).u16(0xeb9f).u8(1).u8(0).u32(24);
  header.u32(0).u32(types.length).u32(types.length).u32(strings.length);
  return image('', concat(header.toBytes(), types.toBytes(), bytesOf(strings)));
}

const RING_KEYS = `SYMBOL(prb)=${IMAGE_BASE.toString(16)}
SIZE(printk_ringbuffer)=128
OFFSET(printk_ringbuffer.desc_ring)=0
OFFSET(printk_ringbuffer.text_data_ring)=64
OFFSET(prb_desc_ring.count_bits)=0
OFFSET(prb_desc_ring.descs)=8
OFFSET(prb_desc_ring.infos)=16
OFFSET(prb_desc_ring.head_id)=24
OFFSET(prb_data_ring.size_bits)=0
OFFSET(prb_data_ring.data)=8
SIZE(prb_desc)=24
OFFSET(prb_desc.state_var)=0
OFFSET(prb_desc.text_blk_lpos)=8
SIZE(printk_info)=16
OFFSET(printk_info.text_len)=8
`;

/** A ring of four records, the newest of which wraps to the start of the text. */
function printkSeed(): Uint8Array {
  const at = (offset: number): bigint => IMAGE_BASE + BigInt(offset);
  const texts = ['one', 'BUG: two', 'Kernel panic - not syncing: three', 'four'];
  const [ring, descriptors, infos, text] = [0x40, 0x100, 0x200, 0x300] as const;
  const out = new ByteWriter(LE64).u64(at(ring)).padTo(ring);
  out
    .u32(2)
    .u32(0)
    .u64(at(descriptors))
    .u64(at(infos))
    .u64(7)
    .padTo(ring + 64);
  out.u32(8).u32(0).u64(at(text)).padTo(descriptors);
  const begins = [100, 124, 148, 248];
  for (const [i] of texts.entries()) {
    const end = i === 3 ? 256 + 16 : begins[i]! + 48;
    out
      .u64((2n << 62n) | BigInt(4 + i))
      .u64(begins[i]!)
      .u64(end);
  }
  out.padTo(infos);
  for (const line of texts) out.u64(0).u16(line.length).zeros(6);
  out
    .padTo(text)
    .u64(7)
    .text('four')
    .padTo(text + 256);
  const memory = out.toBytes();
  for (const [i, line] of texts.slice(0, 3).entries())
    memory.set(bytesOf(line), text + begins[i]! + 8);
  return image(RING_KEYS, memory);
}

/** Section headers of a note, a symbol table and its strings. */
function vmlinuxSeed(): Uint8Array {
  const strings = bytesOf('\0_stext\0hwerr_data\0next\0');
  const symbols = new ByteWriter(LE64).zeros(24);
  for (const [nameAt, value] of [
    [1, 0x1000],
    [8, 0x2000],
    [19, 0x2050],
  ] as const) {
    symbols.u32(nameAt).u8(0).u8(0).u16(1).u64(value).u64(0);
  }
  const note = new ByteWriter(LE64).u32(4).u32(20).u32(3).text('GNU\0').bytes(patternPage(1, 20));
  const parts = [note.toBytes(), symbols.toBytes(), strings];
  const table = new ByteWriter(LE64).zeros(64);
  let at = 64;
  for (const [i, part] of parts.entries()) {
    table
      .u32(0)
      .u32([7, 2, 3][i]!)
      .u64(0)
      .u64(0)
      .u64(at)
      .u64(part.length)
      .u32(3)
      .u32(0)
      .u64(4)
      .u64(0);
    at += part.length;
  }
  const header = new ByteWriter(LE64).text('\x7fELF').u8(2).u8(1).u8(1).padTo(40).u64(at);
  header.padTo(58).u16(64).u16(4).padTo(64);
  return concat(header.toBytes(), ...parts, table.toBytes());
}
