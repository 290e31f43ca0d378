// What was learned of a kernel, for the next crash of the same one: then the search for symbols, some
// 50 pages, is not needed. Kernels are the same when their VMCOREINFO is, but for what changes from
// boot to boot: build id, release, and every symbol's distance from _stext.

import { CAPS } from '../limits.ts';
import { type VirtAddr, addVirt } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import type { Kernel } from '../kernel.ts';
import type { HwerrLayout } from './layout.ts';
import type { LocatedArray } from './locate.ts';

/** The array and how to read it. */
export interface ReadableArray {
  readonly array: LocatedArray;
  readonly layout: HwerrLayout;
}

/** What is known of a kernel, at the addresses of the dump at hand. */
export interface Recalled {
  /** undefined: a kernel without it. */
  readonly hwerr: ReadableArray | undefined;
  readonly bootIdAddress: VirtAddr | undefined;
}

/** The same at the addresses of the dump that it was learned of. */
interface Learned extends Recalled {
  readonly stext: VirtAddr;
}

export class KnownKernels {
  readonly #learned = new Map<string, Learned>();

  recall({ vmcoreinfo }: Kernel): Recalled | undefined {
    const stext = vmcoreinfo.symbol('_stext');
    const known = this.#learned.get(fingerprint(vmcoreinfo) ?? '');
    if (stext === undefined || known === undefined) return undefined;
    const { hwerr, bootIdAddress } = known;
    const moved = (address: VirtAddr): VirtAddr => addVirt(address, stext - known.stext);
    return {
      hwerr: hwerr && {
        layout: hwerr.layout,
        array: { ...hwerr.array, address: moved(hwerr.array.address) },
      },
      bootIdAddress: bootIdAddress === undefined ? undefined : moved(bootIdAddress),
    };
  }

  learn({ vmcoreinfo }: Kernel, known: Recalled): void {
    const key = fingerprint(vmcoreinfo);
    const stext = vmcoreinfo.symbol('_stext');
    if (key === undefined || stext === undefined) return;
    if (this.#learned.size >= CAPS.knownKernels) {
      for (const oldest of this.#learned.keys()) {
        this.#learned.delete(oldest);
        break;
      }
    }
    this.#learned.set(key, { ...known, stext });
  }
}

/** The same for every boot of one kernel; undefined when VMCOREINFO says too little to tell. */
function fingerprint(info: Vmcoreinfo): string | undefined {
  const stext = info.symbol('_stext');
  if (stext === undefined || info.buildId === undefined) return undefined;
  const symbols = info
    .symbolNames()
    .map((name) => `${name}=${((info.symbol(name) ?? 0n) - stext).toString(16)}`);
  return [info.osRelease, info.buildId, ...symbols].join('\n');
}
