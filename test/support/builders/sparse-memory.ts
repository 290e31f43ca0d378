// Memory for tests of everything above a container: bytes at addresses, no file.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { hex, physAddr } from '../../../src/vmcore/bytes/units.ts';
import type { PhysicalMemory } from '../../../src/vmcore/memory/physical-memory.ts';
import { PageMissing } from '../../../src/vmcore/errors.ts';
import { VirtualMemory } from '../../../src/vmcore/memory/virtual-memory.ts';
import { LE64 } from './bytes.ts';

const PAGE = 4096n;

/** Pages written so far; anything else is missing, as if it had been filtered out. */
export class SparseMemory implements PhysicalMemory {
  readonly #pages = new Map<bigint, Uint8Array>();
  readonly #missing = new Map<bigint, PageMissing['reason']>();
  /** Page addresses read since the start, each once: what a decode needed. */
  readonly touched: Set<bigint> = new Set<bigint>();

  /** Put bytes at an address; the rest of their pages, where new, is zeros. */
  write(address: bigint, bytes: Uint8Array): this {
    for (let i = 0; i < bytes.length;) {
      const at = address + BigInt(i);
      const page = at - (at % PAGE);
      const part = bytes.subarray(i, i + Number(page + PAGE - at));
      if (!this.#pages.has(page)) this.#pages.set(page, new Uint8Array(Number(PAGE)));
      this.#pages.get(page)?.set(part, Number(at - page));
      i += part.length;
    }
    return this;
  }

  /** Take the page at an address away. */
  drop(address: bigint, reason: PageMissing['reason'] = 'page_excluded'): this {
    this.#missing.set(address - (address % PAGE), reason);
    return this;
  }

  read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length;) {
      const at = address + BigInt(i);
      const page = at - (at % PAGE);
      const part = this.#page(page).subarray(Number(at - page), Number(at - page) + length - i);
      bytes.set(part, i);
      i += part.length;
    }
    return bytes;
  }

  whyUnwritten(): undefined {
    return undefined;
  }

  *findPages(
    which: 'text' | 'rest',
    matches: (head: Uint8Array) => boolean,
  ): Generator<ReturnType<typeof physAddr>> {
    if (which === 'rest') return;
    for (const [address, page] of [...this.#pages].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!this.#missing.has(address) && matches(page.subarray(0, 40))) yield physAddr(address);
    }
  }

  #page(address: bigint): Uint8Array {
    this.touched.add(address);
    const page = this.#pages.get(address);
    const reason = this.#missing.get(address);
    if (page === undefined || reason !== undefined) {
      throw new PageMissing(reason ?? 'page_excluded', hex(address), 'is not in this memory');
    }
    return page;
  }
}

/** The same memory with virtual addresses equal to physical ones. */
export function identityMapped(memory: PhysicalMemory, order: ByteOrder = LE64): VirtualMemory {
  return new VirtualMemory(memory, physAddr, order);
}
