import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { type Note, notes } from '../../../src/vmcore/elf/notes.ts';
import {
  BYTE_ORDERS,
  ByteWriter,
  LE64,
  bytesOf,
  concat,
  orderName,
} from '../../support/builders/bytes.ts';
import { type NoteRecipe, noteBytes } from '../../support/builders/notes-builder.ts';

const CPU: NoteRecipe = { name: 'CORE\0', type: 1, desc: bytesOf('registers') };
const INFO: NoteRecipe = { name: 'VMCOREINFO\0', desc: bytesOf('OSRELEASE=1\n') };
const LAST: NoteRecipe = { name: 'QEMU\0', desc: bytesOf('x') };

function notesIn(bytes: Uint8Array, length = bytes.length): Note[] {
  return [...notes(bytesSource(bytes), LE64, { offset: 0, length })];
}

function names(found: readonly Note[]): string[] {
  return found.map(({ name }) => name);
}

describe('notes', () => {
  it.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
    'gives name, type and place of each note when the machine is %s',
    (_, order) => {
      const bytes = concat(new Uint8Array(100), noteBytes([CPU, INFO], order));
      const range = { offset: 100, length: bytes.length - 100 };
      expect([...notes(bytesSource(bytes), order, range)]).toEqual([
        { name: 'CORE', type: 1, descOffset: 100 + 20, descLength: 9 },
        { name: 'VMCOREINFO', type: 0, descOffset: 100 + 32 + 24, descLength: 12 },
      ]);
    },
  );

  it('pads names and descs to 4 bytes', () => {
    expect(names(notesIn(noteBytes([CPU, INFO, LAST])))).toEqual(['CORE', 'VMCOREINFO', 'QEMU']);
  });

  it('takes a name without its NUL', () => {
    const found = notesIn(noteBytes([{ ...INFO, name: 'VMCOREINFO' }, LAST]));
    expect(names(found)).toEqual(['VMCOREINFO', 'QEMU']);
  });

  it('cuts a name that is longer than any that matters', () => {
    const found = notesIn(noteBytes([{ ...INFO, name: 'VMCOREINFO_XENOPHOBE\0' }, LAST]));
    expect(names(found)).toEqual(['VMCOREINFO_XENOP', 'QEMU']);
  });

  it('stops at a header of zeros when the area is larger than its notes', () => {
    const bytes = concat(noteBytes([CPU]), new Uint8Array(64), noteBytes([INFO]));
    expect(names(notesIn(bytes))).toEqual(['CORE']);
  });

  it('goes on when a note has no name and no desc but a type', () => {
    const nameless = noteBytes([{ name: '', type: 6, desc: new Uint8Array(0) }, INFO]);
    expect(names(notesIn(nameless))).toEqual(['', 'VMCOREINFO']);
  });

  it.each([
    ['in the middle of a header', 40],
    ['in the middle of a name', 46],
    ['behind its last note', 32],
  ])('stops when the area ends %s', (_, length) => {
    expect(names(notesIn(noteBytes([CPU, INFO]), length))[0]).toBe('CORE');
  });

  it('stops when the file ends before the area', () => {
    const bytes = noteBytes([CPU, INFO]);
    expect(names(notesIn(bytes.subarray(0, 40), bytes.length))).toEqual(['CORE']);
    expect(notesIn(bytes, 10_000)).toHaveLength(2);
  });

  it.each([
    ['name', [0xffffffff, 4, 0]],
    ['desc', [4, 0xffffffff, 0]],
  ])('stops behind a note when its %s is larger than the file', (_, [nameSize, descSize, type]) => {
    const huge = new ByteWriter().u32(nameSize!).u32(descSize!).u32(type!).text('abc\0');
    expect(notesIn(concat(huge.toBytes(), noteBytes([INFO])))).toHaveLength(1);
  });
});
