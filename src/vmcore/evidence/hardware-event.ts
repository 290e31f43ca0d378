// The types of a hardware error, combined from all that the kernel printed about it.

/** Category of the failed part, named as in hwerr_data (include/uapi/linux/vmcore.h, since v6.19). */
export type Category = 'cpu' | 'memory' | 'pci' | 'cxl' | 'others';

/** Mildest first. `fatal` may mean fatal to a link: only a panic shows that the error ended the system. */
export const SEVERITIES = ['informational', 'corrected', 'recoverable', 'fatal'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** The part of the kernel that printed the error; if several did, the most informative. */
export type Source =
  | 'ghes'
  | 'extlog'
  | 'edac'
  | 'mce'
  | 'memory-failure'
  | 'dpc'
  | 'aer'
  | 'nmi'
  | 'eeh'
  | 'hmi'
  | 'rtas'
  | 'zpci'
  | 'mcck'
  | 'serror'
  | 'trap'
  | 'cxl';

/** The part named by the kernel. Addresses are hexadecimal with 0x, PCI ids without; null: not named. */
export type Part =
  | {
      readonly kind: 'pci';
      /** Domain, bus, device and function: `0000:01:00.0`. */
      readonly address: string | null;
      readonly vendor: string | null;
      readonly device: string | null;
      /** Partitionable endpoint of a POWER machine: `PHB#40-PE#10000`. */
      readonly pe: string | null;
      readonly location: string | null;
    }
  | {
      readonly kind: 'dimm';
      readonly label: string | null;
      /** As `key:value` words: `channel:2 slot:0`. */
      readonly location: string | null;
      readonly physicalAddress: string | null;
      readonly fru: string | null;
      readonly cpu: number | null;
      readonly socket: number | null;
      readonly bank: number | null;
    }
  | {
      /** The CPU that reported the error, which is not necessarily the part to replace. */
      readonly kind: 'cpu';
      readonly cpu: number | null;
      readonly socket: number | null;
      readonly bank: number | null;
      readonly mpidr: string | null;
      readonly apicId: string | null;
      /** Functional unit of an AMD processor. */
      readonly unit: string | null;
      readonly physicalAddress: string | null;
    }
  | { readonly kind: 'page'; readonly physicalAddress: string };

/** One hardware error, or several that one message counts. */
export interface HardwareEvent {
  /** Seconds from boot to the first line; null if the log has no times. */
  readonly time: number | null;
  readonly category: Category;
  readonly severity: Severity;
  /** The kernel did not print the severity; `severity` is a cautious guess. */
  readonly severityUnknown: boolean;
  readonly source: Source;
  /** Number of errors in the message; after an overflow, the hardware's counter. Never a rate. */
  readonly count: number;
  /** Category of hwerr_data under which a kernel >= 6.19 counts it; null: not counted, or unknown. */
  readonly hwerrCategory: Category | null;
  readonly part: Part | null;
  readonly detail: string | null;
  /** Result of the kernel's handling: `recovery failed`, `Recovered`. */
  readonly outcome: string | null;
  /** Injected by a test; the kernel treats it as real. */
  readonly injected: boolean;
  /** The kernel announced the error but printed no details. */
  readonly undetailed: boolean;
}

/** Whether the error was recoverable or fatal. */
export function isSevere({ severity }: Pick<HardwareEvent, 'severity'>): boolean {
  return severity === 'recoverable' || severity === 'fatal';
}

/** @returns the worse of two severities; null means unknown. */
export function worse(one: Severity | null, other: Severity | null): Severity | null {
  if (one === null || other === null) return one ?? other;
  return SEVERITIES.indexOf(one) >= SEVERITIES.indexOf(other) ? one : other;
}
