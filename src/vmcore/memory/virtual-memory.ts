// The dumped kernel's virtual memory: physical memory through an address translation.

import { type ByteOrder, Cursor } from '../bytes/cursor.ts';
import { type PhysAddr, type VirtAddr, addVirt, hex } from '../bytes/units.ts';
import type { PhysicalMemory } from './physical-memory.ts';
import { Corrupt, NeverWritten } from '../errors.ts';

/**
 * Translates a virtual to a physical address; undefined if it is not mapped. Contiguous within any aligned
 * 4 KiB.
 */
export type Translator = (address: VirtAddr) => PhysAddr | undefined;

/** Bytes per translation: the smallest page of any architecture. */
const STEP = 4096;

/** Memory by the kernel's virtual addresses, and its byte order. */
export class VirtualMemory {
  readonly order: ByteOrder;
  readonly #memory: PhysicalMemory;
  readonly #translate: Translator;

  constructor(memory: PhysicalMemory, translate: Translator, order: ByteOrder) {
    this.#memory = memory;
    this.#translate = translate;
    this.order = order;
  }

  /**
   * Returns `length` bytes at `address`, which must not be modified.
   *
   * @throws PageMissing if a byte is not in the dump, Corrupt if an address is not mapped.
   */
  read(address: VirtAddr, length: number): Uint8Array {
    const first = this.#physical(address);
    const firstLength = Math.min(length, toNextStep(address));
    if (firstLength === length) return this.#memory.read(first, length);
    const bytes = new Uint8Array(length);
    bytes.set(this.#memory.read(first, firstLength));
    for (let done = firstLength; done < length; done += STEP) {
      const physical = this.#physical(addVirt(address, done));
      bytes.set(this.#memory.read(physical, Math.min(STEP, length - done)), done);
    }
    return bytes;
  }

  /** As PhysicalMemory.whyUnwritten(). */
  whyUnwritten(address: VirtAddr, length: number): string | undefined {
    for (let done = 0; done < length;) {
      const at = addVirt(address, done);
      const part = Math.min(length - done, toNextStep(at));
      const why = this.#memory.whyUnwritten(this.#physical(at), part);
      if (why !== undefined) return why;
      done += part;
    }
    return undefined;
  }

  /** @throws NeverWritten if these bytes may be zeros that were never written; `what` names them. */
  requireWritten(address: VirtAddr, length: number, what: string): void {
    const unwritten = this.whyUnwritten(address, length);
    if (unwritten !== undefined) throw new NeverWritten(what, unwritten);
  }

  /** Returns `length` bytes as a cursor; `what` names them in errors. */
  cursor(address: VirtAddr, length: number, what: string): Cursor {
    return new Cursor(this.read(address, length), this.order, what, address);
  }

  /** Returns the physical address; undefined if it is not mapped. */
  place(address: VirtAddr): PhysAddr | undefined {
    return this.#translate(address);
  }

  #physical(address: VirtAddr): PhysAddr {
    const physical = this.#translate(address);
    if (physical === undefined) {
      throw new Corrupt('corrupt', `virtual address ${hex(address)}`, 'is not mapped');
    }
    return physical;
  }
}

function toNextStep(address: VirtAddr): number {
  return STEP - Number(address & BigInt(STEP - 1));
}
