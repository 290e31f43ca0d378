// Memory access for logs, which consist of small pieces close together. Reads whole pages, caches them, and
// limits their number.

import { Cursor } from '../bytes/cursor.ts';
import { type VirtAddr, addVirt, virtAddr } from '../bytes/units.ts';
import { orElse } from '../errors.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';

/** Bytes per read. */
export const PAGE = 4096;

/** Pages of the kernel's virtual memory, 4 KiB each, read within a budget. Missing pages are no error. */
export class LogMemory {
  readonly order: VirtualMemory['order'];
  readonly #memory: VirtualMemory;
  /** Cached pages by number. */
  readonly #pages = new Map<number, Uint8Array | undefined>();
  #bytesLeft: number;
  #exhausted = false;

  /** @param maxBytes maximum number of bytes to read; beyond it, `exhausted` is set. */
  constructor(memory: VirtualMemory, maxBytes: number) {
    this.order = memory.order;
    this.#memory = memory;
    this.#bytesLeft = maxBytes;
  }

  /** Whether something was not read because of the limit. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** Number of contiguous bytes, at any address, that can be read within the limit. */
  get readableBytes(): number {
    return Math.max(0, this.#bytesLeft - PAGE);
  }

  /** @returns undefined unless all of it is in the dump and within the limit. */
  read(address: VirtAddr, length: number): Uint8Array | undefined {
    const within = Number(address & BigInt(PAGE - 1));
    const first = this.page(virtAddr(address - BigInt(within)));
    if (first === undefined || within + length <= PAGE) {
      return first?.subarray(within, within + length);
    }
    const rest = this.read(addVirt(address, PAGE - within), within + length - PAGE);
    if (rest === undefined) return undefined;
    const bytes = new Uint8Array(length);
    bytes.set(first.subarray(within));
    bytes.set(rest, PAGE - within);
    return bytes;
  }

  /** Returns `length` bytes (at most `readableBytes`), with zeros for pages that are not in the dump. */
  readOrZeros(address: VirtAddr, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const at = addVirt(address, done);
      const part = Math.min(length - done, PAGE - Number(at % BigInt(PAGE)));
      const found = this.read(at, part);
      if (found !== undefined) bytes.set(found, done);
      done += part;
    }
    return bytes;
  }

  /** Like read(), but returns a cursor; `what` names the bytes in errors. */
  cursor(address: VirtAddr, length: number, what: string): Cursor | undefined {
    const bytes = this.read(address, length);
    return bytes && new Cursor(bytes, this.order, what, address);
  }

  /** Returns the page at a page-aligned address; undefined as for read(). */
  page(address: VirtAddr): Uint8Array | undefined {
    const number = Number(address / BigInt(PAGE));
    const before = this.#pages.get(number);
    if (before !== undefined || this.#pages.has(number)) return before;
    if (this.#bytesLeft < PAGE) this.#exhausted = true;
    if (this.#exhausted) return undefined;
    this.#bytesLeft -= PAGE;
    const page = this.#readPage(address);
    this.#pages.set(number, page);
    return page;
  }

  /** Returns undefined for a page that was filtered out, lost or broken, so that only its records are lost. */
  #readPage(address: VirtAddr): Uint8Array | undefined {
    return orElse(() => this.#memory.read(address, PAGE), undefined);
  }
}
