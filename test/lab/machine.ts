// What the lab must know of an architecture: one file each, listed in machines.ts.

import type { CATEGORIES, CrashType, HardwareEvent } from '../../src/vmcore/index.ts';
import type { Guest } from './guest.ts';

export interface Machine {
  /** As the exporter and the names of files have it. */
  readonly name: string;
  /** Its programs and kernels, below the cache. */
  readonly root: string;
  /** As Node calls it. */
  readonly nodeArchitecture: NodeJS.Architecture;
  /** Where Debian has its libraries: /usr/lib/TRIPLET. */
  readonly triplet: string;
  /** Among those, the one that starts programs; and where they look for it. */
  readonly loader: string;
  readonly loaderFolder: string;
  /** Below the root of the host. */
  readonly qemu: string;
  /** Below the root of the host, where QEMU has none of its own. */
  readonly firmware?: string;
  /** Of QEMU's -machine, without its memory and its accelerator. */
  readonly type: string;
  /** More of QEMU's arguments: processor, firmware, devices. */
  readonly arguments: readonly string[];
  /** Device of its first serial line. */
  readonly console: string;
  /** What else its kernel is told. */
  readonly kernelArguments: string;
  /** Of the time in struct hwerr_info, which has 8 bytes and ends it. */
  readonly timeOffset: 4 | 8;
  /** Whether makedumpfile can read the memory of its kernels. */
  readonly makedumpfile: boolean;
  /** Dumps that the matrix has of each crash, as it calls them; none where QEMU writes them. */
  readonly formats: readonly string[];
  /** What can be injected, in this order. */
  readonly errors: readonly HardwareError[];
  /** What ends its kernel: each is a crash of its own. */
  readonly deaths: readonly Death[];
}

export interface HardwareError {
  /** `PCIe error` */
  readonly name: string;
  /** In full: where it comes from, and how severe it is. */
  readonly what: string;
  /** Where the kernel counts it, if it does. */
  readonly category: (typeof CATEGORIES)[number] | undefined;
  /** How many there are to be. */
  readonly times: number;
  /** The line of the kernel's log that tells of one. */
  readonly logged: RegExp;
  /** What the log of a kernel must come to: one event, or none, for one error. */
  event(number: number, release: string): LoggedError | undefined;
  /** @param number of those before this one. */
  inject(guest: Guest, number: number): Promise<unknown>;
}

/** What is known of an error that the lab injects: where it is, and how severe. */
export interface LoggedError extends Omit<Partial<HardwareEvent>, 'part'> {
  readonly category: HardwareEvent['category'];
  readonly severity: HardwareEvent['severity'];
  readonly part?: Partial<NonNullable<HardwareEvent['part']>> | null;
}

interface Death {
  /** `fatal machine check`; a file is named after it. */
  readonly name: string;
  /** In full, as of a HardwareError. */
  readonly what: string;
  /** What it says in its last breath. */
  readonly panic: RegExp;
  readonly type: CrashType;
  /** All that the log of a kernel must come to. */
  events(release: string): readonly LoggedError[];
  /** The one of them that it died of. */
  readonly cause: LoggedError;
  inject(guest: Guest): Promise<unknown>;
}
