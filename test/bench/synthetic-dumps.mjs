/**
 * Dumps of machines with more memory than the one at hand: a real kernel's pages (a fixture), moved
 * to the top of so much RAM, among others that are never read and take no space on disk. Its page
 * tables stay where they were, so its log is found too.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FIXTURE = fileURLToPath(new URL('../fixtures/x86_64-7.3.4.raw', import.meta.url));
const PAGE = 4096;
const DESCRIPTOR = 24;
/** Offsets in struct disk_dump_header and struct kdump_sub_header of a 64-bit machine. */
const HEADER = { bitmapBlocks: 436, maxMapnr: 440 };
const SUB = { vmcoreinfo: 32, vmcoreinfoSize: 40, notes: 48, notesSize: 56, maxMapnr64: 96 };
/** One page in 24 was dumped: what the kernel keeps for itself. */
const DUMPED_BYTE = 0x10;
const DUMPED_STEP = 3;
const CHUNK = 3 << 20;
/** From the top of RAM to where the kernel would lie if that were its start. */
const ROOM = 2 ** 30;
const NT_NOTE_NAME = 'VMCOREINFO\0';
const PT_LOAD = 1;
const PT_NOTE = 4;
const PROGRAM_HEADER = 56;

/** @returns the fixture: its headers, and its pages as `[page frame, bytes]`. */
function readFixture() {
  const file = readFileSync(FIXTURE);
  const sub = file.subarray(PAGE);
  const at = Number(sub.readBigUInt64LE(SUB.vmcoreinfo));
  const size = Number(sub.readBigUInt64LE(SUB.vmcoreinfoSize));
  const bitmapBlocks = file.readUInt32LE(HEADER.bitmapBlocks);
  const bitmapAt = PAGE * (1 + file.readUInt32LE(HEADER.bitmapBlocks - 4));
  const bitmap = file.subarray(bitmapAt + (bitmapBlocks / 2) * PAGE);
  const pages = [];
  let descriptor = bitmapAt + bitmapBlocks * PAGE;
  for (let pfn = 0; pfn < file.readUInt32LE(HEADER.maxMapnr); pfn++) {
    if ((bitmap[pfn >> 3] & (1 << (pfn & 7))) === 0) continue;
    const offset = Number(file.readBigUInt64LE(descriptor));
    pages.push([pfn, file.subarray(offset, offset + PAGE)]);
    descriptor += DESCRIPTOR;
  }
  return {
    headers: file.subarray(0, bitmapAt),
    vmcoreinfoAt: at,
    vmcoreinfo: file.toString('latin1', at, at + size),
    pages,
  };
}

/** The fixture's kernel twice: as it was, for its page tables, and moved to the top of the RAM. */
function kernelIn(ramBytes) {
  const { pages, vmcoreinfo, ...rest } = readFixture();
  const delta = ramBytes - ROOM;
  const moved = pages.map(([pfn, bytes]) => [pfn + delta / PAGE, bytes]);
  return {
    ...rest,
    pages: delta === 0 ? pages : [...pages, ...moved],
    vmcoreinfo: vmcoreinfo.replace(
      /^NUMBER\(phys_base\)=(.*)$/m,
      (_, base) => `NUMBER(phys_base)=${BigInt(base) + BigInt(delta)}`,
    ),
  };
}

/** Writes a file part by part, at any place; what is left out takes no space. */
function writeFileAt(path, write) {
  const fd = openSync(path, 'w');
  try {
    write((bytes, at) => {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(fd, bytes, done, bytes.length - done, at + done);
      }
    });
    return { extend: (size) => ftruncateSync(fd, size) };
  } finally {
    closeSync(fd);
  }
}

/** A kdump file of so much RAM. */
export function writeKdump(path, ramBytes) {
  const { headers, pages, vmcoreinfo, vmcoreinfoAt } = kernelIn(ramBytes);
  const maxPfn = ramBytes / PAGE;
  const bitmapBlocks = Math.ceil(maxPfn / 8 / PAGE);
  const head = Buffer.from(headers);
  head.writeUInt32LE(2 * bitmapBlocks, HEADER.bitmapBlocks);
  head.writeUInt32LE(Math.min(maxPfn, 0xffffffff), HEADER.maxMapnr);
  head.writeBigUInt64LE(BigInt(maxPfn), PAGE + SUB.maxMapnr64);
  head.writeBigUInt64LE(BigInt(vmcoreinfo.length), PAGE + SUB.vmcoreinfoSize);
  head.write(vmcoreinfo, vmcoreinfoAt, 'latin1');
  const bitmapAt = head.length + bitmapBlocks * PAGE;
  const tableAt = bitmapAt + bitmapBlocks * PAGE;
  // Pages between the kernel's two places were dumped, here and there.
  const bytes = pages.map(([pfn]) => Math.floor(pfn / 8));
  const half = pages.length / 2;
  const others =
    pages[half] === undefined || maxPfn * PAGE === ROOM
      ? { from: 0, to: 0 }
      : { from: bytes[half - 1] + 1, to: bytes[half] };
  const otherPages = Math.ceil((others.to - others.from) / DUMPED_STEP);
  const dataAt = tableAt + (pages.length + otherPages) * DESCRIPTOR;
  writeFileAt(path, (write) => {
    write(head, 0);
    writeBitmap(pages, others, (part, at) => {
      write(part, bitmapAt + at);
    });
    pages.forEach(([pfn, page], i) => {
      const index = i + (Math.floor(pfn / 8) >= others.to && others.to > 0 ? otherPages : 0);
      const offset = dataAt + i * PAGE;
      const descriptor = Buffer.alloc(DESCRIPTOR);
      descriptor.writeBigUInt64LE(BigInt(offset), 0);
      descriptor.writeUInt32LE(PAGE, 8);
      write(descriptor, tableAt + index * DESCRIPTOR);
      write(page, offset);
    });
  });
}

function writeBitmap(pages, others, write) {
  const pattern = Buffer.alloc(CHUNK);
  for (let i = 0; i < CHUNK; i += DUMPED_STEP) pattern[i] = DUMPED_BYTE;
  for (let at = others.from; at < others.to; at += CHUNK) {
    write(pattern.subarray(0, Math.min(CHUNK, others.to - at)), at);
  }
  const bits = new Map();
  for (const [pfn] of pages) {
    const byte = Math.floor(pfn / 8);
    bits.set(byte, (bits.get(byte) ?? 0) | (1 << (pfn % 8)));
  }
  for (const [byte, value] of bits) write(Buffer.of(value), byte);
}

/**
 * An ELF core as `makedumpfile -E` writes it: a segment for every run of pages that it kept. One every
 * 64 MiB, for with 16 TiB of RAM that is half of the segments that are read at most.
 */
export function writeElf(path, ramBytes) {
  const { pages, vmcoreinfo } = kernelIn(ramBytes);
  const others = Math.floor(ramBytes / (64 << 20));
  const count = 1 + pages.length + others;
  const note = vmcoreinfoNote(vmcoreinfo);
  const sectionAt = 64 + count * PROGRAM_HEADER;
  const noteAt = sectionAt + 64;
  const dataAt = Math.ceil((noteAt + note.length) / PAGE) * PAGE;
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(4, 16); // e_type: ET_CORE
  header.writeUInt16LE(62, 18); // e_machine: EM_X86_64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(64n, 32); // e_phoff
  header.writeBigUInt64LE(BigInt(sectionAt), 40); // e_shoff
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(PROGRAM_HEADER, 54);
  header.writeUInt16LE(Math.min(count, 0xffff), 56);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(1, 60);
  const section = Buffer.alloc(64);
  section.writeUInt32LE(count, 44); // sh_info: the number of program headers past 65534
  const table = Buffer.alloc(count * PROGRAM_HEADER);
  let index = 0;
  const add = (type, offset, physical, size) => {
    const at = index++ * PROGRAM_HEADER;
    table.writeUInt32LE(type, at);
    table.writeBigUInt64LE(BigInt(offset), at + 8);
    table.writeBigUInt64LE(BigInt(physical), at + 24);
    table.writeBigUInt64LE(BigInt(size), at + 32);
    table.writeBigUInt64LE(BigInt(size), at + 40);
  };
  add(PT_NOTE, noteAt, 0, note.length);
  const kernel = pages.map(([pfn], i) => [pfn * PAGE, dataAt + i * PAGE, PAGE]);
  const run = 16 * PAGE;
  const otherAt = dataAt + pages.length * PAGE;
  const used = new Set(kernel.map(([physical]) => Math.floor(physical / (64 << 20))));
  for (let i = 0; i < others; i++) {
    if (!used.has(i)) kernel.push([i * (64 << 20), otherAt + i * run, run]);
  }
  kernel.sort(([a], [b]) => a - b);
  for (const [physical, offset, size] of kernel) add(PT_LOAD, offset, physical, size);
  const padding = count - index; // segments of no size keep the count what it was said to be
  for (let i = 0; i < padding; i++) add(PT_LOAD, otherAt, 0, 0);
  writeFileAt(path, (write) => {
    write(header, 0);
    write(table, 64);
    write(section, sectionAt);
    write(note, noteAt);
    pages.forEach(([, page], i) => {
      write(page, dataAt + i * PAGE);
    });
    write(Buffer.of(0), otherAt + others * run - 1);
  });
}

function vmcoreinfoNote(text) {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(NT_NOTE_NAME.length, 0);
  head.writeUInt32LE(text.length, 4);
  head.write(NT_NOTE_NAME, 12, 'latin1');
  return Buffer.concat([
    head,
    Buffer.from(text, 'latin1'),
    Buffer.alloc((4 - (text.length % 4)) % 4),
  ]);
}

/**
 * The fixture as a flattened stream among so many other records, in three ascending sequences that
 * take turns, as the threads of makedumpfile may write them.
 */
export function writeFlattened(path, records) {
  const file = readFileSync(FIXTURE);
  const size = 496;
  const stride = 16 + size;
  const own = Math.ceil(file.length / size);
  const fd = openSync(path, 'w');
  const header = Buffer.alloc(PAGE);
  header.write('makedumpfile', 'latin1');
  header.writeBigUInt64BE(1n, 16);
  header.writeBigUInt64BE(1n, 24);
  writeSync(fd, header);
  const each = Math.ceil(records / 3);
  const batch = 4096;
  for (let first = 0; first < records; first += batch) {
    const buffer = Buffer.alloc(Math.min(batch, records - first) * stride);
    for (let at = 0; at < buffer.length; at += stride) {
      const i = first + at / stride;
      const place = (i % 3) * each + Math.floor(i / 3);
      buffer.writeBigUInt64BE(BigInt(place * size), at);
      buffer.writeBigUInt64BE(BigInt(size), at + 8);
      if (place < own) file.copy(buffer, at + 16, place * size, (place + 1) * size);
    }
    writeSync(fd, buffer);
  }
  writeSync(fd, Buffer.alloc(16, 0xff));
  closeSync(fd);
}
