// What was learned of a kernel, for the next crash of the same one: then the search for symbols, some
// 50 pages, is not needed. Kernels are the same when their VMCOREINFO is, but for what changes from
// boot to boot: build id, release, and every symbol's distance from _stext.

import { CAPS } from '../limits.ts';
import { type VirtAddr, addVirt } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import type { Kernel } from '../paging/kernel.ts';
import type { HwerrLayout } from './layout.ts';
import type { LocatedArray } from './locate.ts';

/** Distances from _stext. */
interface Learned {
  readonly array: Omit<LocatedArray, 'address'> & { readonly distance: bigint };
  readonly layout: HwerrLayout;
  readonly bootId: bigint | undefined;
}

/** What is known of a kernel, at the addresses of the dump at hand. */
export interface Recalled {
  readonly array: LocatedArray;
  readonly layout: HwerrLayout;
  readonly bootIdAddress: VirtAddr | undefined;
}

export class KnownKernels {
  readonly #learned = new Map<string, Learned>();

  recall({ vmcoreinfo }: Kernel): Recalled | undefined {
    const stext = vmcoreinfo.symbol('_stext');
    const known = this.#learned.get(fingerprint(vmcoreinfo) ?? '');
    if (stext === undefined || known === undefined) return undefined;
    const { distance, ...array } = known.array;
    return {
      array: { ...array, address: addVirt(stext, distance) },
      layout: known.layout,
      bootIdAddress: known.bootId === undefined ? undefined : addVirt(stext, known.bootId),
    };
  }

  learn({ vmcoreinfo }: Kernel, { array, layout, bootIdAddress }: Recalled): void {
    const key = fingerprint(vmcoreinfo);
    const stext = vmcoreinfo.symbol('_stext');
    if (key === undefined || stext === undefined) return;
    if (this.#learned.size >= CAPS.knownKernels) {
      for (const oldest of this.#learned.keys()) {
        this.#learned.delete(oldest);
        break;
      }
    }
    const { address, ...rest } = array;
    const bootId = bootIdAddress === undefined ? undefined : bootIdAddress - stext;
    this.#learned.set(key, { array: { ...rest, distance: address - stext }, layout, bootId });
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
