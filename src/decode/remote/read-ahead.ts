// Reads an object in blocks for a decoder that reads small pieces at random: a request takes about as long as
// the transfer of one block. Sequential reads (bitmaps, streams) get larger requests, and finally several in
// parallel.

import { requireRange } from '../../vmcore/index.ts';

const BLOCK_BYTES = 64 * 1024;
/** Maximum number of blocks per request. */
const MAX_WINDOW = 16;
/** Maximum number of parallel requests. */
const MAX_REQUESTS = 4;
/** Maximum number of cached blocks: 8 MiB. */
const MAX_CACHED = 128;

/** Requests ranges of the object and returns their bytes later. */
export interface Ranges {
  /** Starts a request. @returns its id for take(). */
  ask(offset: number, length: number): number;
  /** Waits for the answer. @throws FileError if the bytes cannot be read. */
  take(request: number): Uint8Array;
}

interface Pending {
  readonly request: number;
  readonly first: number;
  readonly count: number;
}

/** Number of bytes to request when an object is opened. */
export const HEAD_BYTES = BLOCK_BYTES;

/** Reads an object in blocks, caches recently used ones, and reads ahead of sequential reads. */
export class ReadAhead {
  readonly #size: number;
  readonly #ranges: Ranges;
  /** Cached blocks, the most recently used at the end. */
  readonly #cached = new Map<number, Uint8Array>();
  /** Requests under way, by each of their blocks. */
  readonly #pending = new Map<number, Pending>();
  /** Number of requests whose answers were not taken yet. */
  #requests = 0;
  /** The block after the last one requested. */
  #edge = 1;
  /** Number of blocks of the last request. */
  #window = 1;

  /** @param head the first HEAD_BYTES of the object, or all of it. */
  constructor(size: number, head: Uint8Array, ranges: Ranges) {
    this.#size = size;
    this.#ranges = ranges;
    this.#cached.set(0, head);
  }

  /** @throws Corrupt (`truncated`) for a range past the end, FileError if it cannot be read. */
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

  /** @param last the last block of the same read. */
  #block(index: number, last: number): Uint8Array {
    const cached = this.#cached.get(index);
    if (cached !== undefined) {
      this.#cache(index, cached);
      return cached;
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

  /** Requests up to `wanted` blocks from the edge on, and moves the edge behind them. */
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
      this.#cache(first + i, bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
    }
    const start = (index - first) * BLOCK_BYTES;
    return bytes.subarray(start, start + BLOCK_BYTES);
  }

  #cache(index: number, block: Uint8Array): void {
    this.#cached.delete(index);
    this.#cached.set(index, block);
    if (this.#cached.size <= MAX_CACHED) return;
    const [oldest] = this.#cached.keys();
    if (oldest !== undefined) this.#cached.delete(oldest);
  }
}
