// The VMCOREINFO notes of an ELF core: those of its PT_NOTE segments, taken as they are met.

import { limited } from '../bytes/cursor.ts';
import type { ByteSource } from '../bytes/source.ts';
import type { Limits } from '../limits.ts';
import { PT_NOTE } from './elf-constants.ts';
import { type ElfHeader, type ProgramHeader, hasSafeOffsets } from './elf-header.ts';
import { notes, vmcoreinfoTexts } from './notes.ts';

export class ElfNotes {
  /** Texts of the notes so far. */
  readonly texts: Uint8Array[] = [];
  readonly #source: ByteSource;
  readonly #header: ElfHeader;
  readonly #limits: Limits;
  #total = 0;

  constructor(source: ByteSource, header: ElfHeader, limits: Limits) {
    this.#source = source;
    this.#header = header;
    this.#limits = limits;
  }

  /** Any segment: those that hold no notes are passed over. */
  take(segment: ProgramHeader): void {
    if (segment.type !== PT_NOTE || !hasSafeOffsets(segment)) return;
    if (this.texts.length >= this.#limits.vmcoreinfoCandidates) return;
    const range = { offset: Number(segment.offset), length: Number(segment.fileSize) };
    this.#total += range.length;
    limited('notes of all segments', this.#total, this.#limits.noteBytes);
    const found = notes(this.#source, this.#header.order, range, this.#limits);
    this.texts.push(...vmcoreinfoTexts(this.#source, found, this.#limits));
  }
}
