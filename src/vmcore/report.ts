// The decoder's result: plain data that survives JSON and structuredClone, without bigint and classes.

import type { PageCompression } from './codec/page-codec.ts';
import type { DecodeReason } from './errors.ts';
import type { LogFindings } from './evidence/log-findings.ts';

/** All that a dump says about itself and about hardware errors, from counters and log. */
export interface CrashReport extends LogFindings {
  /** `pstore`: there is no dump, only the end of the log that the kernel kept in pstore. */
  readonly container: 'kdump' | 'elf' | 'pstore';
  readonly flattened: boolean;
  /** Codecs of its pages, after that of the whole file; empty if nothing is compressed. */
  readonly compression: readonly (PageCompression | 'gzip' | 'xz')[];
  /** Name of the kernel's arch/ directory, with the width if there are two: x86_64, arm64; or unknown. */
  readonly arch: string;
  readonly kernelRelease: string;
  /** 40 hexadecimal digits; null if VMCOREINFO has none or an invalid one. */
  readonly buildId: string | null;
  /** From init_uts_ns; null if its page is not in the dump or the host name was never set. */
  readonly nodename: string | null;
  /** random.c's boot id as a UUID; null if it was not generated in that boot. */
  readonly bootId: string | null;
  /** Unix seconds; null in a dump of a running machine. */
  readonly crashTimeSeconds: number | null;
  /** Part of the dump is missing: the disk was full, or a copy was truncated. */
  readonly incomplete: boolean;
  /** Whether VMCOREINFO came from a note or was found in memory; null if there is none. */
  readonly vmcoreinfo: 'note' | 'scanned' | null;
  /** How the array was located; null if it was not. */
  readonly symbolSource: 'kallsyms' | 'system-map' | 'vmlinux' | null;
  /** Source of the array's layout; null if it was not read. */
  readonly layoutSource: 'btf' | 'builtin' | null;
  readonly hwerr: Hwerr;
  /** The panic line; null if there is no log with one. */
  readonly panicMessage: string | null;
  /** Oddities of the dump that did not stop the decoder. */
  readonly warnings: readonly string[];
  /**
   * The distinct lines of VMCOREINFO, sorted; for a pstore record its log. Distinguishes crashes without a
   * boot id.
   */
  readonly vmcoreinfoLines: string;
}

/** The report on the running kernel. */
export interface LiveReport {
  readonly kernelRelease: string;
  /** As in a CrashReport. */
  readonly bootId: string | null;
  readonly hwerr: Hwerr;
}

/** The counters, or why there are none, which never means zero. */
export type Hwerr =
  | { readonly kind: 'present'; readonly categories: readonly HwerrCategory[] }
  | { readonly kind: 'absent'; readonly reason: AbsentReason }
  /** The crash was identified, but data on the way to the counters is broken or not understood. */
  | { readonly kind: 'unreadable'; readonly reason: DecodeReason; readonly message: string };

export type AbsentReason =
  | 'kernel_without_hwerr' // kallsyms, if complete, has neither the array nor the function that fills it
  | 'symbol_not_found' // the kernel has the array, but no source has its address
  | 'page_excluded' // a page on the way to it, or its own, was filtered out by the dump's writer
  | 'page_lost' // the dump is truncated before that page
  | 'pstore'; // there is no dump, only the end of the kernel's log

/** The counter of one category: struct hwerr_info of kernel/vmcore_info.c, decoded. */
export interface HwerrCategory {
  /** cpu, memory, pci, cxl, others, or the kernel's own name of a newer category. */
  readonly category: string;
  /** The kernel's atomic_t, read as unsigned 32 bit. */
  readonly count: number;
  /** Unix seconds UTC; null if the kernel never counted one. */
  readonly lastErrorTimestampSeconds: number | null;
}
