// All limits on numbers from a file, with their reasons. A dump is hostile input: no number in it sizes an
// allocation or a loop before it was compared with one of these.

/**
 * Limits that a caller may set, mostly derived from the available memory by limitsWithin(). Most throw
 * LimitExceeded if a file exceeds them.
 */
export interface Limits {
  /** ELF program headers. makedumpfile -E writes one per run of kept pages; each takes 64 bytes of index. */
  readonly segments: number;
  /** Records of a flattened stream: 64 GiB at the 32 KiB per record of `-F -l`; each takes 32 bytes of index. */
  readonly flattenedRecords: number;
  /** Bytes of a flattened stream that no record wrote: QEMU omits the ends of its bitmaps. */
  readonly flattenedHoles: number;
  /** Extents that may contain the same byte. Regular writers overlap at most twice (/proc/vmcore). */
  readonly overlappingExtents: number;
  /** Notes searched for VMCOREINFO: one NT_PRSTATUS per CPU, and a few others. Their content is not read. */
  readonly notes: number;
  /** Bytes of a VMCOREINFO text: the kernel's buffer is one page, at most 64 KiB. */
  readonly vmcoreinfoBytes: number;
  /** VMCOREINFO candidates tried in a dump without a note; three copies are usual. */
  readonly vmcoreinfoCandidates: number;
  /** Highest page frame number: 64 TiB of 4 KiB pages. */
  readonly pageFrames: number;
  /** Bytes of cached decompressed pages. A decode needs about 40 pages. */
  readonly pageCacheBytes: number;
  /** Number of log records read, the newest; each hardware error among them takes about 2 KiB. */
  readonly logRecords: number;
  /** kallsyms entries; real kernels have 100,000 to 250,000. */
  readonly kallsymsSymbols: number;
  /** System.map, or one section of a vmlinux, read completely; 10 and 15 MiB are usual. */
  readonly symbolFileBytes: number;
  /** Sections of a vmlinux: about 70. */
  readonly symbolFileSections: number;
  /** Each of the two sections of BTF; 3 MiB of types and 2 MiB of strings are usual. */
  readonly btfBytes: number;
  /** Expanded length of a symbol name, bytes: KSYM_NAME_LEN is 512 (include/linux/kallsyms.h). */
  readonly symbolNameBytes: number;
}

/**
 * Returns the limits of a decoder with this much memory. Besides cached pages, memory contains the extent
 * indexes of a flattened stream and of an ELF core in it, symbol files, and about 60 MiB of garbage.
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

/** Fixed limits: data beyond them cannot be what the decoder looks for. */
export const CAPS = {
  /** Never-written page descriptors skipped in a search: 16 GiB of memory in 4 KiB pages. */
  unwrittenDescriptors: 4_194_304,
  /**
   * Broken pages skipped in a search. Node keeps up to 5 KiB for each until the decode ends, and a file with
   * more broken pages is no longer a usable dump.
   */
  brokenPages: 8192,
  /** Sections examined in a core without program headers; a dozen are usual. */
  coreSections: 64,
  /** Program headers kept for their mappings; that of the kernel image is among the first. */
  mappedRanges: 1024,
  /** Bytes of ELF header, program headers and notes of /proc/kcore; three pages are usual. */
  kcoreHeadBytes: 16_777_216,
  /** Kernels in one memory that are compared: each requires reading a log, and a reboot leaves one behind. */
  kernels: 8,
  /** CPUs whose page tables are examined: one is enough to identify the running kernel. */
  cpus: 64,
  /** Segments of /proc/kcore: a dozen, plus one per range of RAM. */
  kcoreSegments: 65_536,
  /** Symbols at the same address: linker scripts define a few at the start of a section. */
  symbolAliases: 64,
  /** Members or constants read of a BTF type; the types that are read have a few. */
  btfElements: 256,
  /** Bytes of a BTF name; C identifiers are far shorter. */
  btfNameBytes: 128,
  /** Elements of hwerr_data; an enum of hardware errors has fewer. */
  categories: 64,
  /** log2 of the number of records in a printk ring: 4 Mi, 32 times the largest configuration. */
  printkCountBits: 22,
  /** log2 of the bytes of a printk ring's text: 1 GiB; the maximum of CONFIG_LOG_BUF_SHIFT is 25. */
  printkTextBits: 30,
  /** Log records, the newest: as many as a ring of 2 MiB contains; one of 128 CPUs has 1 MiB. */
  logRecords: 65_536,
  /** Bytes of memory read for the log, in pages of 4 KiB; the maximum number of records takes 14 MiB. */
  logBytes: 16_777_216,
  /** Bytes of a record's text: PRINTKRB_RECORD_MAX is 1024 (kernel/printk/internal.h). */
  logTextBytes: 1024,
  /** Fragments of one line in the legacy log: a line of 1024 bytes has a few dozen. */
  logFragments: 64,
  /** Characters of the reported panic line; panic() prints up to 1024 (kernel/panic.c). */
  panicLineCharacters: 512,
  /** Characters of a record read from text; the kernel stores at most 1024 bytes. */
  logRecordBytes: 8192,
} as const;

export const DEFAULT_LIMITS: Limits = limitsWithin(256 << 20);
