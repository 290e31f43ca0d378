import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { CoreNotes } from '../../../src/vmcore/elf/core-notes.ts';
import { readElfHeader } from '../../../src/vmcore/elf/elf-header.ts';
import { LimitExceeded } from '../../../src/vmcore/errors.ts';
import { CAPS, DEFAULT_LIMITS, type Limits } from '../../../src/vmcore/limits.ts';
import { LE64, bytesOf, latin1 } from '../../support/builders/bytes.ts';
import { type ElfSegment, elfCore } from '../../support/builders/elf-core-builder.ts';
import {
  type NoteRecipe,
  kernelNotes,
  noteBytes,
  qemuCpuNote,
} from '../../support/builders/notes-builder.ts';
import { sparseSource } from '../../support/system/faulty-source.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const PT_NOTE = 4;
const CPU: NoteRecipe = { name: 'CORE\0', type: 1, desc: bytesOf('registers') };
const INFO: NoteRecipe = { name: 'VMCOREINFO\0', desc: bytesOf('OSRELEASE=1\n') };

function note(text: string, more: Partial<ElfSegment> = {}): ElfSegment {
  return { type: PT_NOTE, physical: 0, bytes: kernelNotes(text), ...more };
}

function notesOf(segments: readonly ElfSegment[], limits: Partial<Limits> = {}): CoreNotes {
  const source = bytesSource(elfCore({ segments }));
  const header = readElfHeader(source, DEFAULT_LIMITS);
  const notes = new CoreNotes(source, header.order, { ...DEFAULT_LIMITS, ...limits });
  for (const segment of header.segments()) notes.takeSegment(segment);
  return notes;
}

const textsOf = (...how: Parameters<typeof notesOf>): string[] => notesOf(...how).texts.map(latin1);

function notesIn(bytes: Uint8Array, limits: Partial<Limits> = {}): CoreNotes {
  const notes = new CoreNotes(bytesSource(bytes), LE64, { ...DEFAULT_LIMITS, ...limits });
  notes.take({ offset: 0, length: bytes.length });
  return notes;
}

describe('CoreNotes', () => {
  it('takes the texts of every segment of notes, and of no other', () => {
    const texts = textsOf([note('one'), note('memory', { type: 1 }), note('two')]);
    expect(texts).toEqual(['one', 'two']);
  });

  it('takes no more texts than are tried', () => {
    expect(textsOf([note('one'), note('two')], { vmcoreinfoCandidates: 1 })).toEqual(['one']);
    const many = noteBytes([INFO, CPU, INFO, INFO, INFO]);
    expect(notesIn(many, { vmcoreinfoCandidates: 2 }).texts).toHaveLength(2);
  });

  it('passes over notes past 2^53', () => {
    expect(textsOf([note('far', { offset: 1n << 60n }), note('near')])).toEqual(['near']);
  });

  it.each([
    ['has another type', { ...INFO, type: 1 }],
    ['has a name that only begins so', { ...INFO, name: 'VMCOREINF\0' }],
    ['has a name that goes on', { ...INFO, name: 'VMCOREINFO_\0' }],
  ])('passes over a note that %s', (_, recipe) => {
    expect(notesIn(noteBytes([recipe])).texts).toEqual([]);
  });

  it('passes over a text that is not whole in the file', () => {
    expect(notesIn(noteBytes([INFO]).subarray(0, -4)).texts).toEqual([]);
  });

  it('passes over a text that is longer than vmcoreinfoBytes', () => {
    expect(notesIn(noteBytes([INFO]), { vmcoreinfoBytes: 11 }).texts).toEqual([]);
  });

  it('finds VMCOREINFO behind dumps of devices, which it does not read', () => {
    const device = noteBytes([{ name: 'LINUX\0', type: 0x700, desc: bytesOf('') }]);
    const length = 1 << 30;
    new DataView(device.buffer).setUint32(4, length, true);
    const info = noteBytes([INFO]);
    const second = device.length + length;
    const size = 2 * second + info.length;
    const parts = new Map([
      [0, device],
      [second, device],
      [2 * second, info],
    ]);
    const notes = new CoreNotes(sparseSource(size, parts), LE64, DEFAULT_LIMITS);
    notes.take({ offset: 0, length: size });
    expect(notes.texts.map(latin1)).toEqual(['OSRELEASE=1\n']);
  });

  it('throws LimitExceeded when all segments together have more notes than the limit', () => {
    expect(textsOf([note('one'), note('two')], { notes: 4 })).toHaveLength(2);
    expect(() => textsOf([note('one'), note('two')], { notes: 3 })).toThrow(LimitExceeded);
  });
});

it('knows by what follows a hole in a text that it has one', () => {
  const isCut = (text: string): boolean => {
    const desc = bytesOf(text);
    return notesIn(noteBytes([CPU, { ...INFO, desc }, CPU])).areCut;
  };
  expect(isCut('OSRELEASE=7\nSYM\0\0\0\0\0\0ffff\n')).toBe(true);
  expect(isCut('OSRELEASE=7\nSYMBOL(a)=ffff\n\0\0\0')).toBe(false);
});

describe('requireNoProcess', () => {
  it.each([
    ['NT_PRPSINFO', 3],
    ['NT_AUXV', 6],
    ['NT_FILE', 0x46494c45],
    ['NT_SIGINFO', 0x53494749],
  ])('throws BadMagic for a core with %s, which processes have', (_, type) => {
    const bytes = noteBytes([CPU, { name: 'CORE\0', type, desc: bytesOf('x') }]);
    const error = thrownBy(() => {
      notesIn(bytes).requireNoProcess(false);
    });
    expect(error).toMatchObject({ tag: 'BadMagic', reason: 'not_a_dump' });
    expect(error.message).toContain('process');
  });

  it.each([
    ['VMCOREINFO, as /proc/kcore has', INFO],
    ['NT_TASKSTRUCT, as old ones have', { ...CPU, type: 4, desc: new Uint8Array(8) }],
  ])('lets a core pass that has NT_PRPSINFO and %s', (_, other) => {
    const bytes = noteBytes([CPU, { ...CPU, type: 3 }, other]);
    expect(() => {
      notesIn(bytes).requireNoProcess(false);
    }).not.toThrow();
  });
});

describe('requireNoXen', () => {
  it.each(['Xen\0', 'Xen', 'VMCOREINFO_XEN\0'])('throws Unsupported for a note of %j', (name) => {
    const error = thrownBy(() => {
      notesIn(noteBytes([CPU, INFO, { name, desc: bytesOf('x') }])).requireNoXen();
    });
    expect(error).toMatchObject({ tag: 'Unsupported', reason: 'unsupported_format' });
    expect(error.message).toMatch(/Xen.*crash/);
  });
});

describe("QEMU's notes of CPUs", () => {
  it('say which page tables each used', () => {
    const bytes = noteBytes([CPU, qemuCpuNote(0x1000n), qemuCpuNote(0x802005n), INFO]);
    expect(notesIn(bytes).cpuPageTables).toEqual([0x1000n, 0x802005n]);
  });

  it.each([
    ['another version', qemuCpuNote(0x1000n, 2)],
    ['another size', { name: 'QEMU\0', desc: new Uint8Array(416) }],
  ])('say nothing in %s', (_, other) => {
    expect(notesIn(noteBytes([other])).cpuPageTables).toEqual([]);
  });

  it('are read of so many CPUs', () => {
    const bytes = noteBytes(Array.from({ length: CAPS.cpus + 1 }, () => qemuCpuNote(1n)));
    expect(notesIn(bytes).cpuPageTables).toHaveLength(CAPS.cpus);
  });
});
