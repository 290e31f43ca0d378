// Every cap on a number that comes from a file, with its reason. A dump is hostile input: nothing
// in it sizes an allocation or a loop before it was compared with one of these.

/**
 * Caps that a caller may set, most by the memory it gives: limitsWithin(). Where a file asks for
 * more than one of them, most throw LimitExceeded.
 */
export interface Limits {
  /** ELF program headers. makedumpfile -E writes one per run of kept pages; 64 bytes of index each. */
  readonly segments: number;
  /** Records of a flattened stream: 64 GiB in the 32 KiB each of `-F -l`; 32 bytes of index each. */
  readonly flattenedRecords: number;
  /** Bytes of a flattened stream that no record wrote: QEMU leaves out the tails of its bitmaps. */
  readonly flattenedHoles: number;
  /** Extents that may cover one byte. Honest writers overlap at most twice (/proc/vmcore). */
  readonly overlappingExtents: number;
  /** Notes walked for VMCOREINFO: one NT_PRSTATUS a CPU, plus a few. Their content is not read. */
  readonly notes: number;
  /** Bytes of one VMCOREINFO text: the kernel's buffer is one page, 64 KiB at the most. */
  readonly vmcoreinfoBytes: number;
  /** VMCOREINFO candidates tried in a dump without a note: three copies are usual. */
  readonly vmcoreinfoCandidates: number;
  /** Highest page frame number: 64 TiB of 4 KiB pages. */
  readonly pageFrames: number;
  /** Decompressed pages kept, bytes. A decode needs about 40 pages. */
  readonly pageCacheBytes: number;
  /** Records of the log in a dump, the newest: the errors in them take some 2 KiB each. */
  readonly logRecords: number;
  /** kallsyms entries: real kernels have 100 to 250 thousand. */
  readonly kallsymsSymbols: number;
  /** System.map, or one section of a vmlinux, read whole: 10 and 15 MiB are usual. */
  readonly symbolFileBytes: number;
  /** Sections of a vmlinux: about 70. */
  readonly symbolFileSections: number;
  /** Either section of BTF: 3 MiB of types and 2 MiB of strings are usual. */
  readonly btfBytes: number;
  /** Expanded length of a symbol name, bytes: KSYM_NAME_LEN is 512 (include/linux/kallsyms.h). */
  readonly symbolNameBytes: number;
}

/**
 * The limits of a decoder that may take so much memory. What lies there beside a few pages are the
 * indexes of a stream and of an ELF core in it, symbol files, and some 60 MiB of buffers that were
 * used and not yet collected.
 */
export function limitsWithin(memoryBytes: number): Limits {
  return {
    segments: Math.floor(memoryBytes / 512),
    flattenedRecords: Math.floor(memoryBytes / 64),
    flattenedHoles: 4 * 2 ** 30,
    overlappingExtents: 64,
    notes: 1 << 17,
    vmcoreinfoBytes: 1 << 16,
    vmcoreinfoCandidates: 64,
    pageFrames: 2 ** 34,
    pageCacheBytes: Math.floor(memoryBytes / 32),
    logRecords: Math.min(CAPS.logRecords, Math.floor(memoryBytes / 4096)),
    kallsymsSymbols: 4 << 20,
    symbolFileBytes: Math.floor(memoryBytes / 4),
    symbolFileSections: 4096,
    btfBytes: 64 << 20,
    symbolNameBytes: 1024,
  };
}

/** Caps that no caller has reason to change: what is beyond them is not what was looked for. */
export const CAPS = {
  /** Page descriptors that were never written, skipped in a search: 16 GiB of memory in 4 KiB pages. */
  unwrittenDescriptors: 4_194_304,
  /**
   * Broken pages passed over in a search: Node keeps up to 5 KiB for each until a decode is over, and a
   * dump in which more are broken is no longer one.
   */
  brokenPages: 8192,
  /** Sections looked at of a core without program headers: a dozen are usual. */
  coreSections: 64,
  /** Program headers kept for the addresses they map: that of the kernel image is among the first. */
  mappedRanges: 1024,
  /** ELF header, program headers and notes of /proc/kcore, bytes: three pages are usual. */
  kcoreHeadBytes: 16_777_216,
  /** Kernels in one memory that are compared: each costs a log, and a reboot leaves one behind. */
  kernels: 8,
  /** CPUs whose page tables are looked at: one alone says which kernel runs. */
  cpus: 64,
  /** Regions of /proc/kcore: a dozen, and one a range of RAM. */
  kcoreSegments: 65_536,
  /** Symbols that may share one address: linker scripts define a handful at the start of a section. */
  symbolAliases: 64,
  /** Members or constants read of a type in BTF: the types that are asked for have a handful. */
  btfElements: 256,
  /** Longest name of a type or member in BTF, bytes: C identifiers are far shorter. */
  btfNameBytes: 128,
  /** Elements of hwerr_data: more are no enum of hardware errors. */
  categories: 64,
  /** Bits of the number of records in a printk ring: 4 Mi of them, 32 times the largest config. */
  printkCountBits: 22,
  /** Bits of the size of a printk ring's text, bytes: 1 GiB; CONFIG_LOG_BUF_SHIFT ends at 25. */
  printkTextBits: 30,
  /** Records of the log, the newest: a ring of 2 MiB holds so many, one of 128 CPUs has 1 MiB. */
  logRecords: 65_536,
  /** Bytes of memory read for the log, in pages of 4 KiB: so many records take 14 MiB. */
  logBytes: 16_777_216,
  /** Bytes of a record's text: PRINTKRB_RECORD_MAX is 1024 (kernel/printk/internal.h). */
  logTextBytes: 1024,
  /** Fragments of one line in the legacy log: a line of 1024 bytes has a few dozen. */
  logFragments: 64,
  /** Longest panic line that is reported: panic() makes lines of up to 1024 (kernel/panic.c). */
  panicLineCharacters: 512,
  /** Characters of a record read as text: the kernel stores 1024 bytes. */
  logRecordBytes: 8192,
} as const;

export const DEFAULT_LIMITS: Limits = limitsWithin(256 << 20);
