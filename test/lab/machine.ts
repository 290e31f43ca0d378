// What the lab must know of an architecture: one file each, listed in machines.ts.

import type { CATEGORIES } from '../../src/vmcore/index.ts';
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
  /** Whether makedumpfile can read the memory of its kernels. */
  readonly makedumpfile: boolean;
  /** What can be injected, in this order. The last is one that counts: it is injected once more. */
  readonly errors: readonly HardwareError[];
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
  /** @param number of those before this one. */
  inject(guest: Guest, number: number): Promise<unknown>;
}
