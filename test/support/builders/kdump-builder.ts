// kdump-compressed files: every header version, width, byte order and padding; one bitmap or two;
// pages raw or compressed, zero pages shared, excluded and lost pages, parts of a split dump.

import { deflateSync } from 'node:zlib';

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, LE64, bytesOf } from './bytes.ts';
import { lzoEncode } from './lzo-encoder.ts';
import { snappyEncode } from './snappy-encoder.ts';
import { zstdEncode } from './zstd-encoder.ts';

export type KdumpCodec = 'raw' | 'zlib' | 'lzo' | 'snappy' | 'zstd';

const FLAGS: Record<KdumpCodec, number> = { raw: 0, zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 };
const ENCODERS: Record<KdumpCodec, (page: Uint8Array) => Uint8Array> = {
  raw: (page) => page,
  zlib: (page) => new Uint8Array(deflateSync(page, { level: 1 })),
  lzo: lzoEncode,
  snappy: snappyEncode,
  zstd: zstdEncode,
};

export interface KdumpHeaderRecipe {
  readonly order?: ByteOrder;
  /** header_version: 6 unless said otherwise. */
  readonly version?: number;
  readonly blockSize?: number;
  /** Whether 64-bit fields of a 32-bit sub header are aligned to 8, as on ARM. */
  readonly padded?: boolean;
  readonly bitmaps?: 1 | 2;
  /** status, beyond the bit of the codec. */
  readonly status?: number;
  /** Blank when QEMU writes the file. */
  readonly nodename?: string;
  readonly release?: string;
  readonly sysname?: string;
  readonly machine?: string;
  readonly physBase?: number | bigint;
  /** Highest page frame number + 1. */
  readonly maxPfn?: number;
  /** The page frames of this part of a split dump: from, to. */
  readonly split?: readonly [number, number];
  /** ELF notes; version 3 has room for the VMCOREINFO text only. */
  readonly notes?: Uint8Array;
}

export interface KdumpRecipe extends KdumpHeaderRecipe {
  /** Content of the dumped pages by page frame number, one block each. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
  /** Of all pages, or of each: zlib unless said otherwise. What does not shrink is stored raw. */
  readonly codec?: KdumpCodec | ((pfn: number) => KdumpCodec);
  /** RAM pages that the dump's maker left out. */
  readonly excluded?: readonly number[];
  /** Dumped pages whose descriptors were never written. */
  readonly lost?: readonly number[];
}

/** A file, and where its fields are: `status`, `offset_note`, `bitmap`, `descriptor:16`, `page:16`. */
export interface BuiltDump {
  readonly bytes: Uint8Array;
  readonly places: Readonly<Record<string, number>>;
}

export function kdump(recipe: KdumpRecipe): BuiltDump {
  const { order = LE64, blockSize = 4096, bitmaps = 2, pages, excluded = [], split } = recipe;
  const dumped = [...pages.keys()].filter((pfn) => !excluded.includes(pfn)).sort((a, b) => a - b);
  const maxPfn = recipe.maxPfn ?? Math.max(0, ...dumped, ...excluded) + 1;
  const places: Record<string, number> = {};
  const out = kdumpHeaders({ ...recipe, maxPfn, status: statusOf(recipe) }, places);

  places['bitmap'] = out.length;
  if (bitmaps === 2) out.bytes(bitmapOf([...dumped, ...excluded], maxPfn, blockSize));
  places['bitmap2'] = out.length;
  out.bytes(bitmapOf(dumped, maxPfn, blockSize));

  const here = dumped.filter((pfn) => !split || (pfn >= split[0] && pfn < split[1]));
  const descriptorsAt = out.length;
  const dataAt = descriptorsAt + 24 * here.length;
  const data = new ByteWriter();
  if (here.some((pfn) => isZero(pages.get(pfn)!))) data.zeros(blockSize);
  for (const [index, pfn] of here.entries()) {
    places[`descriptor:${pfn}`] = descriptorsAt + 24 * index;
    out.bytes(descriptor(recipe, pfn, data, dataAt, places).toBytes());
  }
  places['data'] = out.length;
  return { bytes: out.bytes(data.toBytes()).toBytes(), places };

  function statusOf({ codec = 'zlib', status = 0 }: KdumpRecipe): number {
    return status | (typeof codec === 'string' ? FLAGS[codec] : 0);
  }

  /** The descriptor of a page, whose content goes behind the others unless it is zeros. */
  function descriptor(
    { codec = 'zlib', lost = [] }: KdumpRecipe,
    pfn: number,
    content: ByteWriter,
    contentAt: number,
    found: Record<string, number>,
  ): ByteWriter {
    const page = pages.get(pfn)!;
    if (page.length !== blockSize) throw new Error(`page ${pfn} has ${page.length} bytes`);
    const entry = new ByteWriter(order);
    if (lost.includes(pfn)) return entry.zeros(24);
    found[`page:${pfn}`] = contentAt;
    if (isZero(page)) return entry.u64(contentAt).u32(blockSize).u32(0).u64(0);
    const wanted = typeof codec === 'string' ? codec : codec(pfn);
    const shrunk = ENCODERS[wanted](page);
    const [name, stored] = shrunk.length < blockSize ? [wanted, shrunk] : (['raw', page] as const);
    const at = contentAt + content.length;
    found[`page:${pfn}`] = at;
    content.bytes(stored);
    return entry.u64(at).u32(stored.length).u32(FLAGS[name]).u64(0);
  }
}

/** Main header and sub header with its notes, up to the first bitmap. */
export function kdumpHeaders(
  recipe: KdumpHeaderRecipe,
  places: Record<string, number> = {},
): ByteWriter {
  const { order = LE64, version = 6, blockSize = 4096, bitmaps = 2, notes } = recipe;
  const { maxPfn = 0, sysname = 'Linux', machine = 'x86_64', status = 0 } = recipe;
  const subHeaderBlocks = Math.ceil((128 + (notes?.length ?? 0)) / blockSize);
  const bitmapBlocks = bitmaps * blocksFor(maxPfn, blockSize);
  const out = new ByteWriter(order);
  const field = (name: string): ByteWriter => {
    places[name] = out.length;
    return out;
  };
  out.text('KDUMP   ');
  field('header_version').u32(version);
  const { nodename = '', release = '' } = recipe;
  field('utsname').text(sysname, 65).text(nodename, 65).text(release, 65).text('', 65);
  field('machine').text(machine, 65).text('', 65);
  out.align(4);
  if (order.wordBits === 64) out.align(8);
  out.word(0).word(0); // timestamp: when makedumpfile ran
  field('status').u32(status);
  field('block_size').u32(blockSize);
  field('sub_hdr_size').u32(subHeaderBlocks);
  field('bitmap_blocks').u32(bitmapBlocks);
  field('max_mapnr').u32(Math.min(maxPfn, 0xffffffff));
  out.zeros(16).u32(1); // total_ram_blocks, device_blocks, written_blocks, current_cpu; nr_cpus
  out.padTo(blockSize);
  subHeader(out, recipe, places);
  return out.padTo(blockSize * (1 + subHeaderBlocks));
}

function subHeader(
  out: ByteWriter,
  recipe: KdumpHeaderRecipe,
  places: Record<string, number>,
): void {
  const { order = LE64, version = 6, notes, split, padded = false, maxPfn = 0 } = recipe;
  const [from, to] = split ?? [0, 0];
  const align = order.wordBits === 64 || padded ? 8 : 4;
  const notesAt = out.length + 128;
  const textStart = notes ? Math.max(0, indexOf(notes, 'OSRELEASE=')) : 0;
  const field = (name: string, since: number, write: (writer: ByteWriter) => unknown): void => {
    if (version < since) return;
    places[name] = out.length;
    write(out);
  };
  field('phys_base', 1, (w) => w.word(recipe.physBase ?? 0));
  field('dump_level', 1, (w) => w.u32(31));
  field('split', 2, (w) => w.u32(split ? 1 : 0));
  field('start_pfn', 2, (w) => w.word(Math.min(from, 0xffffffff)));
  field('end_pfn', 2, (w) => w.word(Math.min(to, 0xffffffff)));
  const range = (name: string, since: number, at: number, length: number): void => {
    if (version >= since) out.align(align);
    field(`offset_${name}`, since, (w) => w.u64(length === 0 ? 0 : at));
    field(`size_${name}`, since, (w) => w.word(length));
  };
  range('vmcoreinfo', 3, notesAt + textStart, notes ? textLength(notes, textStart) : 0);
  range('note', 4, notesAt, notes?.length ?? 0);
  range('eraseinfo', 5, 0, 0);
  if (version >= 6) out.align(align);
  field('start_pfn_64', 6, (w) => w.u64(from));
  field('end_pfn_64', 6, (w) => w.u64(to));
  field('max_mapnr_64', 6, (w) => w.u64(maxPfn));
  if (notes) out.padTo(notesAt).bytes(notes);
}

function blocksFor(maxPfn: number, blockSize: number): number {
  return Math.ceil(Math.ceil(maxPfn / 8) / blockSize);
}

function bitmapOf(pfns: readonly number[], maxPfn: number, blockSize: number): Uint8Array {
  const bits = new Uint8Array(blocksFor(maxPfn, blockSize) * blockSize);
  for (const pfn of pfns) bits[pfn >> 3] = (bits[pfn >> 3] ?? 0) | (1 << (pfn & 7));
  return bits;
}

function isZero(page: Uint8Array): boolean {
  return page.every((byte) => byte === 0);
}

function indexOf(bytes: Uint8Array, text: string): number {
  const wanted = bytesOf(text);
  return bytes.findIndex((_, i) => wanted.every((byte, j) => bytes[i + j] === byte));
}

function textLength(notes: Uint8Array, start: number): number {
  const end = notes.indexOf(0, start);
  return (end < 0 ? notes.length : end) - start;
}
