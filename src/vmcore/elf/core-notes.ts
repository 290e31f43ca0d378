// The notes of a dump: the texts of VMCOREINFO, and the kind of memory. They are in the PT_NOTE segments of an
// ELF core, and in one range of a kdump-compressed file.

import { type ByteOrder, Cursor, limited } from '../bytes/cursor.ts';
import { type ByteSource, type FileRange, inRange } from '../bytes/source.ts';
import { whyUnwritten, zerosFollow } from '../bytes/unwritten.ts';
import { ProcessCore, Unsupported } from '../errors.ts';
import { CAPS, type Limits } from '../limits.ts';
import { PT_NOTE } from './elf-constants.ts';
import { type ProgramHeader, hasSafeOffsets } from './elf-header.ts';
import { type Note, notes } from './notes.ts';

/** NT_PRPSINFO, NT_AUXV, NT_FILE and NT_SIGINFO (include/uapi/linux/elf.h): notes that only processes have. */
const OF_PROCESS: ReadonlySet<number> = new Set([3, 6, 0x46494c45, 0x53494749]);
/** Old kcores have it beside NT_PRPSINFO of "vmlinux"; processes have not had it since v2.6. */
const NT_TASKSTRUCT = 4;
/** Names of the hypervisor's notes (xen/include/public/elfnote.h) and of its VMCOREINFO. */
const OF_XEN: ReadonlySet<string> = new Set(['Xen', 'VMCOREINFO_XEN']);

/** More zeros than this after the notes are not memory, bytes: a kernel's image is nearer to the start of its RAM. */
const KERNEL_IS_WITHIN = 16 << 20;

/** struct QEMUCPUState of x86 (target/i386/arch_dump.c): version 1, and where it has cr[3]. */
const QEMU_CPU = { version: 1, cr3: 416 };

/**
 * Collects VMCOREINFO, the page tables of CPUs and the kind of memory from one range of notes after another.
 */
export class CoreNotes {
  /** Texts of the VMCOREINFO notes so far that are in the file, up to the number that is tried. */
  readonly texts: Uint8Array[] = [];
  /** CR3 of each CPU from QEMU's own notes, which have no page tables of other architectures. */
  readonly cpuPageTables: bigint[] = [];
  readonly #source: ByteSource;
  readonly #order: ByteOrder;
  readonly #limits: Limits;
  #count = 0;
  /** Whether the notes end in zeros that were never written. */
  areCut = false;
  #isOfProcess = false;
  #hasTask = false;
  #isOfXen = false;

  constructor(source: ByteSource, order: ByteOrder, limits: Limits) {
    this.#source = source;
    this.#order = order;
    this.#limits = limits;
  }

  /** Takes a segment; one without notes is skipped. */
  takeSegment(segment: ProgramHeader): void {
    if (segment.type !== PT_NOTE || !hasSafeOffsets(segment)) return;
    this.take({ offset: Number(segment.offset), length: Number(segment.fileSize) });
  }

  /** @throws LimitExceeded if the notes exceed the total in limits.ts. */
  take(range: FileRange): void {
    if (this.texts.length >= this.#limits.vmcoreinfoCandidates) return;
    let end = range.offset;
    for (const note of notes(this.#source, this.#order, range)) {
      limited('note count', ++this.#count, this.#limits.notes);
      end = note.descOffset + note.descLength;
      this.#isOfProcess ||= note.name === 'CORE' && OF_PROCESS.has(note.type);
      this.#hasTask ||= note.name === 'CORE' && note.type === NT_TASKSTRUCT;
      this.#isOfXen ||= OF_XEN.has(note.name);
      if (note.name === 'QEMU' && this.#isReadable(note)) this.#takeCpu(note);
      if (note.name !== 'VMCOREINFO' || note.type !== 0 || !this.#isReadable(note)) continue;
      const text = this.#source.read(note.descOffset, note.descLength);
      this.texts.push(text);
      this.areCut ||= this.isCut(text, note.descOffset);
      if (text.at(-1) === 0) this.areCut ||= this.#isEnd(note.descOffset + text.length);
      if (this.texts.length >= this.#limits.vmcoreinfoCandidates) return;
    }
    if (this.texts.length === 0) this.areCut ||= this.#isEnd(end);
  }

  /**
   * Whether part of a VMCOREINFO text was never written: the text continues after a NUL, or ends in zeros that
   * extend beyond its own place in the file.
   */
  isCut(text: Uint8Array, offset: number): boolean {
    const end = text.findLastIndex((byte) => byte !== 0) + 1;
    if (text.subarray(0, end).includes(0)) return true;
    if (end === text.length) return false;
    return whyUnwritten(this.#source, offset + end, text.length - end) !== undefined;
  }

  /** @throws Unsupported for the memory of a Xen host or of one of its guests. */
  requireNoXen(): void {
    if (this.#isOfXen) {
      const advice = 'open it with crash, which knows its page tables; hwerr_data is in dom0';
      throw new Unsupported(
        'unsupported_format',
        'notes',
        `got a dump made under Xen, whose addresses are the hypervisor's: ${advice}`,
      );
    }
  }

  /**
   * For a core without physical addresses; the core of a process has none. Dumps by netdump, crash's snap.so and
   * s390 have notes like those of a process, but physical addresses.
   *
   * @param hasUserSpace whether its memory has addresses of processes.
   * @throws ProcessCore for the core of a process.
   */
  requireNoProcess(hasUserSpace: boolean): void {
    const isOfProcess = (this.#isOfProcess && !this.#hasTask) || hasUserSpace;
    if (isOfProcess && this.texts.length === 0) {
      throw new ProcessCore('notes', 'got the core of a process, want one of a kernel');
    }
  }

  /** Whether nothing was written from there on: memory follows the notes, and its first MiBs contain a kernel. */
  #isEnd(offset: number): boolean {
    return offset < this.#source.size && zerosFollow(this.#source, offset, KERNEL_IS_WITHIN);
  }

  #takeCpu({ descOffset, descLength }: Note): void {
    if (descLength < QEMU_CPU.cr3 + 8 || this.cpuPageTables.length >= CAPS.cpus) return;
    const cpu = new Cursor(this.#source.read(descOffset, descLength), this.#order, 'QEMU note');
    if (cpu.u32() !== QEMU_CPU.version) return;
    this.cpuPageTables.push(cpu.seek(QEMU_CPU.cr3).u64());
  }

  #isReadable({ descOffset, descLength }: Note): boolean {
    if (descLength > this.#limits.vmcoreinfoBytes) return false;
    return inRange(this.#source.size, descOffset, descLength);
  }
}
