// The bytes of an object in blocks, for a decoder that asks for a few of them here and there: a request
// takes as long as a block of this size does to arrive. Who reads on behind what was fetched last gets
// more at once, and at last a few requests ahead: bitmaps, streams.

import { requireRange } from '../../vmcore/index.ts';

const BLOCK_BYTES = 64 * 1024;
/** Blocks of one request. */
const MAX_WINDOW = 16;
/** Requests that are under way at once. */
const MAX_REQUESTS = 4;
/** Blocks in memory: 8 MiB. */
const MAX_KEPT = 128;

/** Bytes of the object, asked for first and waited for later. */
export interface Ranges {
  /** @returns what to take the answer by. */
  ask(offset: number, length: number): number;
  /** @throws FileError when they cannot be had. */
  take(request: number): Uint8Array;
}

interface Pending {
  readonly request: number;
  readonly first: number;
  readonly count: number;
}

/** How many bytes of an object to ask for first. */
export const HEAD_BYTES = BLOCK_BYTES;

/** Reads an object by blocks, keeps those used last, and asks ahead of who reads on. */
export class ReadAhead {
  readonly #size: number;
  readonly #ranges: Ranges;
  /** Blocks, the one used last at the end. */
  readonly #kept = new Map<number, Uint8Array>();
  /** By each of their blocks. */
  readonly #pending = new Map<number, Pending>();
  /** Requests that were not taken yet. */
  #requests = 0;
  /** The block behind what was asked for last. */
  #edge = 1;
  /** Blocks of the last request. */
  #window = 1;

  /** @param head the first HEAD_BYTES of the object, or all of it. */
  constructor(size: number, head: Uint8Array, ranges: Ranges) {
    this.#size = size;
    this.#ranges = ranges;
    this.#kept.set(0, head);
  }

  /** @throws Corrupt (`truncated`) for a range past the end, FileError when it cannot be had. */
  read(offset: number, length: number): Uint8Array {
    requireRange('file', this.#size, offset, length);
    const bytes = new Uint8Array(length);
    const last = Math.floor((offset + length - 1) / BLOCK_BYTES);
    for (let done = 0; done < length;) {
      const at = offset + done;
      const block = this.#block(Math.floor(at / BLOCK_BYTES), last);
      const start = at % BLOCK_BYTES;
      const piece = block.subarray(start, start + length - done);
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes;
  }

  /** @param last the last block that is wanted as well. */
  #block(index: number, last: number): Uint8Array {
    const kept = this.#kept.get(index);
    if (kept !== undefined) {
      this.#keep(index, kept);
      return kept;
    }
    if (!this.#pending.has(index)) {
      this.#window = index === this.#edge ? Math.min(2 * this.#window, MAX_WINDOW) : 1;
      this.#edge = index;
      this.#ask(Math.max(this.#window, last - index + 1));
    }
    while (this.#requests < MAX_REQUESTS && this.#isWantedAtEdge(last)) {
      this.#ask(Math.max(this.#window, last - this.#edge + 1));
    }
    return this.#take(index);
  }

  #isWantedAtEdge(last: number): boolean {
    if (this.#edge * BLOCK_BYTES >= this.#size || this.#pending.has(this.#edge)) return false;
    return this.#edge <= last || this.#window === MAX_WINDOW;
  }

  /** Ask for so many blocks from the edge on, which moves behind them. */
  #ask(wanted: number): void {
    const first = this.#edge;
    const blocks = Math.ceil(this.#size / BLOCK_BYTES) - first;
    const count = Math.min(wanted, MAX_WINDOW, blocks);
    const offset = first * BLOCK_BYTES;
    const length = Math.min(count * BLOCK_BYTES, this.#size - offset);
    const pending = { request: this.#ranges.ask(offset, length), first, count };
    for (let i = 0; i < count; i++) this.#pending.set(first + i, pending);
    this.#requests++;
    this.#edge = first + count;
  }

  #take(index: number): Uint8Array {
    const pending = this.#pending.get(index);
    if (pending === undefined) throw new Error(`block ${index} was not asked for`);
    const { request, first, count } = pending;
    for (let i = 0; i < count; i++) this.#pending.delete(first + i);
    this.#requests--;
    const bytes = this.#ranges.take(request);
    for (let i = 0; i < count; i++) {
      this.#keep(first + i, bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
    }
    const start = (index - first) * BLOCK_BYTES;
    return bytes.subarray(start, start + BLOCK_BYTES);
  }

  #keep(index: number, block: Uint8Array): void {
    this.#kept.delete(index);
    this.#kept.set(index, block);
    if (this.#kept.size <= MAX_KEPT) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}
