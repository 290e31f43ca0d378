// What the decoder answers: plain data that survives JSON and structuredClone. No bigint, no class.

import type { PageCompression } from './codec/page-codec.ts';
import type { DecodeReason } from './errors.ts';
import type { LogFindings } from './evidence/log-findings.ts';

/** Everything one dump says about hardware errors, by counters and by its log, and about itself. */
export interface CrashReport extends LogFindings {
  /** `pstore`: there is no dump, the kernel kept the end of its log. */
  readonly container: 'kdump' | 'elf' | 'pstore';
  readonly flattened: boolean;
  /** Codecs of its pages, after that of the whole file; empty when all is stored as it is. */
  readonly compression: readonly (PageCompression | 'gzip' | 'xz')[];
  /** As in the kernel's arch/ directory, with the width where there are two: x86_64, arm64; or unknown. */
  readonly arch: string;
  readonly kernelRelease: string;
  /** 40 hexadecimal digits; null when VMCOREINFO has none or an unreadable one. */
  readonly buildId: string | null;
  /** init_uts_ns; null when its page is not in the dump, or the host was given no name. */
  readonly nodename: string | null;
  /** random.c's boot id as a UUID; null when it was not generated in that boot. */
  readonly bootId: string | null;
  /** Unix seconds; null in a dump of a machine that did not crash. */
  readonly crashTimeSeconds: number | null;
  /** Part of the dump is missing: the disk was full, or the copy broke off. */
  readonly incomplete: boolean;
  /** Whether VMCOREINFO came from a note or was searched for in memory; null where there is none. */
  readonly vmcoreinfo: 'note' | 'scanned' | null;
  /** How the array was located; null when it was not. */
  readonly symbolSource: 'kallsyms' | 'system-map' | 'vmlinux' | null;
  /** Where the array's layout came from; null when it was not read. */
  readonly layoutSource: 'btf' | 'builtin' | null;
  readonly hwerr: Hwerr;
  /** The line the kernel died with; null when there is no log that says so. */
  readonly panicMessage: string | null;
  /** What is odd about the dump and did not stop the decoder. */
  readonly warnings: readonly string[];
  /** The set of VMCOREINFO's lines, sorted; of a pstore record its log. It distinguishes crashes without a boot id. */
  readonly vmcoreinfoLines: string;
}

/** What the running kernel says. */
export interface LiveReport {
  readonly kernelRelease: string;
  /** As in a CrashReport. */
  readonly bootId: string | null;
  readonly hwerr: Hwerr;
}

/** The counters, or why there are none: which is never the same as zero. */
export type Hwerr =
  | { readonly kind: 'present'; readonly categories: readonly HwerrCategory[] }
  | { readonly kind: 'absent'; readonly reason: AbsentReason }
  /** The dump identifies its crash, but what leads to the counters is broken or not understood. */
  | { readonly kind: 'unreadable'; readonly reason: DecodeReason; readonly message: string };

export type AbsentReason =
  | 'kernel_without_hwerr' // neither the array nor the function that fills it is in its kallsyms, if it names one
  | 'symbol_not_found' // the kernel keeps the array, nothing here says where
  | 'page_excluded' // its page, or one on the way to it, was filtered out by the dump's maker
  | 'page_lost' // the dump broke off before that page
  | 'pstore'; // there is no dump, only the end of the kernel's log

/** The counter of one category: struct hwerr_info of kernel/vmcore_info.c, decoded. */
export interface HwerrCategory {
  /** cpu, memory, pci, cxl, others; or what a newer kernel added, under its own name */
  readonly category: string;
  /** The kernel's atomic_t, read as unsigned 32 bit. */
  readonly count: number;
  /** Unix seconds UTC; null when the kernel never counted one. */
  readonly lastErrorTimestampSeconds: number | null;
}
