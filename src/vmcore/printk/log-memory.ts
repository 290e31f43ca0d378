// The memory that a log lies in, read as a log is: in small pieces that lie close together. Whole
// pages are read, each once and kept, and never more of them than a log may cost.

import { Cursor } from '../bytes/cursor.ts';
import { type VirtAddr, addVirt, virtAddr } from '../bytes/units.ts';
import { orElse } from '../errors.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';

/** Bytes read at once. */
export const PAGE = 4096;

/**
 * Pages of the kernel's virtual memory, 4 KiB each, read within a budget. What is missing is
 * undefined or zeros, never an error.
 */
export class LogMemory {
  readonly order: VirtualMemory['order'];
  readonly #memory: VirtualMemory;
  /** By number. */
  readonly #pages = new Map<number, Uint8Array | undefined>();
  #bytesLeft: number;
  #exhausted = false;

  /** @param maxBytes how much to read in all; `exhausted` says when more was asked for. */
  constructor(memory: VirtualMemory, maxBytes: number) {
    this.order = memory.order;
    this.#memory = memory;
    this.#bytesLeft = maxBytes;
  }

  /** Whether something was not read because it would have been more than allowed. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** How many bytes may lie in one piece anywhere and be read without being exhausted. */
  get readableBytes(): number {
    return Math.max(0, this.#bytesLeft - PAGE);
  }

  /** @returns undefined when not all of it is in the dump, or when nothing more may be read. */
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

  /** `length` bytes, at most `readableBytes`, with zeros for the pages that are not in the dump. */
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

  /** As read(), as a cursor; `what` names the bytes in errors. */
  cursor(address: VirtAddr, length: number, what: string): Cursor | undefined {
    const bytes = this.read(address, length);
    return bytes && new Cursor(bytes, this.order, what, address);
  }

  /** The page at an address that is the first of a page; undefined as with read(). */
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

  /** A page that was filtered out, lost or broken takes with it the records on it, and no others. */
  #readPage(address: VirtAddr): Uint8Array | undefined {
    return orElse(() => this.#memory.read(address, PAGE), undefined);
  }
}
