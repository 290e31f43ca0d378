// What one hardware error looks like once everything that the kernel printed of it was put together.

/** The part that failed, in the words of hwerr_data (include/uapi/linux/vmcore.h, since v6.19). */
export type Category = 'cpu' | 'memory' | 'pci' | 'cxl' | 'others';

/** Mildest first. `fatal` may mean fatal for a link: only the panic says that it ended the system. */
export const SEVERITIES = ['informational', 'corrected', 'recoverable', 'fatal'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Which part of the kernel printed the error; the one that says most where several did. */
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

/** What the kernel named. Addresses are hex with 0x, PCI ids hex without; null: not said. */
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
      /** The CPU that reported it, which is not always the part to replace. */
      readonly kind: 'cpu';
      readonly cpu: number | null;
      readonly socket: number | null;
      readonly bank: number | null;
      readonly mpidr: string | null;
      readonly apicId: string | null;
      /** Unit of an AMD processor. */
      readonly unit: string | null;
      readonly physicalAddress: string | null;
    }
  | { readonly kind: 'page'; readonly physicalAddress: string };

/** One hardware error as a report has it, or several that one message counts. */
export interface HardwareEvent {
  /** Seconds since boot of the first line; null where the log has no times. */
  readonly time: number | null;
  readonly category: Category;
  readonly severity: Severity;
  /** The kernel did not say how severe it was: `severity` is a guess on the safe side. */
  readonly severityUnknown: boolean;
  readonly source: Source;
  /** Errors as the line counts them; after an overflow, the hardware's counter: never a rate. */
  readonly count: number;
  /** Category of hwerr_data under which a kernel >= 6.19 counts it; null: none, or not known. */
  readonly hwerrCategory: Category | null;
  readonly part: Part | null;
  readonly detail: string | null;
  /** What the kernel made of it: `recovery failed`, `Recovered`. */
  readonly outcome: string | null;
  /** A test injected it. To the kernel it is as real as any. */
  readonly injected: boolean;
  /** The kernel announced it and then printed nothing. */
  readonly undetailed: boolean;
}

/** Whether the kernel had to do something about an error, or could not. */
export function isSevere({ severity }: Pick<HardwareEvent, 'severity'>): boolean {
  return severity === 'recoverable' || severity === 'fatal';
}

/** @returns the worse of two; null is no opinion. */
export function worse(one: Severity | null, other: Severity | null): Severity | null {
  if (one === null || other === null) return one ?? other;
  return SEVERITIES.indexOf(one) >= SEVERITIES.indexOf(other) ? one : other;
}
