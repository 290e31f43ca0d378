import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { readElfHeader } from '../../../src/vmcore/elf/elf-header.ts';
import { ElfNotes } from '../../../src/vmcore/elf/elf-notes.ts';
import { LimitExceeded } from '../../../src/vmcore/errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/vmcore/limits.ts';
import { bytesOf } from '../../support/builders/bytes.ts';
import { type ElfSegment, elfCore } from '../../support/builders/elf-core-builder.ts';
import { kernelNotes } from '../../support/builders/notes-builder.ts';

const PT_NOTE = 4;

function note(text: string, more: Partial<ElfSegment> = {}): ElfSegment {
  return { type: PT_NOTE, physical: 0, bytes: kernelNotes(text), ...more };
}

function textsOf(segments: readonly ElfSegment[], limits: Partial<Limits> = {}): Uint8Array[] {
  const source = bytesSource(elfCore({ segments }));
  const header = readElfHeader(source, DEFAULT_LIMITS);
  const notes = new ElfNotes(source, header, { ...DEFAULT_LIMITS, ...limits });
  for (const segment of header.segments()) notes.take(segment);
  return notes.texts;
}

describe('ElfNotes', () => {
  it('takes the texts of every segment of notes, and of no other', () => {
    const texts = textsOf([note('one'), note('memory', { type: 1 }), note('two')]);
    expect(texts).toEqual([bytesOf('one'), bytesOf('two')]);
  });

  it('takes no more texts than are tried', () => {
    const texts = textsOf([note('one'), note('two')], { vmcoreinfoCandidates: 1 });
    expect(texts).toEqual([bytesOf('one')]);
  });

  it('passes over notes past 2^53', () => {
    expect(textsOf([note('far', { offset: 1n << 60n }), note('near')])).toEqual([bytesOf('near')]);
  });

  it('throws LimitExceeded when all segments together have more bytes than the limit', () => {
    const noteBytes = kernelNotes('one').length;
    expect(textsOf([note('one')], { noteBytes })).toHaveLength(1);
    expect(() => textsOf([note('one'), note('two')], { noteBytes })).toThrow(LimitExceeded);
  });
});
