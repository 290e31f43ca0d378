// A sorted set of extents, each a run of addresses stored at some offset of a file: the records of a
// flattened stream, the segments of an ELF core. If extents overlap, the one later in the file wins, as in
// makedumpfile -R; for ELF it makes no difference.

import type { Limits } from '../limits.ts';
import { limited } from './cursor.ts';

/** An extent, or the part of one that a lookup requested. */
export interface Extent {
  readonly start: number;
  readonly length: number;
  /** File offset of the first byte. */
  readonly fileOffset: number;
}

/** Rows of start, length and file offset (24 bytes), in chunks, so that rows are never moved. */
class Rows {
  readonly #chunks: Float64Array[] = [];
  count = 0;

  push(start: number, length: number, fileOffset: number): void {
    const at = 3 * (this.count % CHUNK_ROWS);
    if (at === 0) this.#chunks.push(new Float64Array(3 * CHUNK_ROWS));
    this.#chunks.at(-1)?.set([start, length, fileOffset], at);
    this.count++;
  }

  start(row: number): number {
    return this.#value(row, 0);
  }

  end(row: number): number {
    return this.#value(row, 0) + this.#value(row, 1);
  }

  fileOffset(row: number): number {
    return this.#value(row, 2);
  }

  /** Compares two rows by start, end and file offset; negative, zero or positive. */
  compare(a: number, b: number): number {
    return (
      this.start(a) - this.start(b) ||
      this.end(a) - this.end(b) ||
      this.fileOffset(a) - this.fileOffset(b)
    );
  }

  /**
   * Extends a row to the end of the next one, if that begins within it and maps every address to the same
   * offset.
   * @returns whether it did.
   */
  join(row: number, next: number): boolean {
    const start = this.start(row);
    const isAgreed = this.fileOffset(next) - this.fileOffset(row) === this.start(next) - start;
    if (!isAgreed || this.start(next) > this.end(row)) return false;
    const length = Math.max(this.end(row), this.end(next)) - start;
    this.#chunks[(row / CHUNK_ROWS) | 0]?.fill(
      length,
      3 * (row % CHUNK_ROWS) + 1,
      3 * (row % CHUNK_ROWS) + 2,
    );
    return true;
  }

  #value(row: number, column: 0 | 1 | 2): number {
    return this.#chunks[(row / CHUNK_ROWS) | 0]?.[3 * (row % CHUNK_ROWS) + column] ?? 0;
  }
}

const CHUNK_ROWS = 1024;

/** Collects extents in any order. */
export class ExtentBuilder {
  readonly #rows = new Rows();

  add(start: number, length: number, fileOffset: number): void {
    if (length > 0) this.#rows.push(start, length, fileOffset);
  }

  /** Returns the map, which takes over the memory: add() must not be called afterwards. */
  build(limits: Limits): ExtentMap {
    return new ExtentMap(this.#rows, limits);
  }
}

/** A map with 32 bytes per extent, also while it is built. */
export class ExtentMap {
  readonly #rows: Rows;
  /** Rows sorted by start. */
  readonly #order: Uint32Array;
  /** For each index, the row with the highest end up to it; limits the search for overlaps. */
  readonly #highest: Uint32Array;
  readonly #limits: Limits;

  constructor(rows: Rows, limits: Limits) {
    this.#rows = rows;
    this.#limits = limits;
    const [order, free] = sortedOrder(rows);
    this.#order = order.subarray(0, joinAgreeing(rows, order));
    this.#highest = free.subarray(0, this.#order.length);
    let highest = at(this.#order, 0);
    this.#order.forEach((row, i) => {
      if (rows.end(row) > rows.end(highest)) highest = row;
      this.#highest[i] = highest;
    });
  }

  get count(): number {
    return this.#order.length;
  }

  /** The highest address plus one. */
  get end(): number {
    return this.count === 0 ? 0 : this.#reach(this.count - 1);
  }

  /** Iterates over all extents, by address. */
  *all(): Generator<Extent> {
    for (let i = 0; i < this.count; i++) yield this.#clip(i, -Infinity, Infinity);
  }

  /**
   * Returns the parts of extents in `[start, start + length)` in file order, so that later parts override
   * earlier ones.
   *
   * @throws LimitExceeded if more than `overlappingExtents` overlap.
   */
  within(start: number, length: number): Extent[] {
    const end = start + length;
    const found: Extent[] = [];
    let passedOver = 0;
    let painted = 0;
    for (let i = this.#startingBefore(end) - 1; i >= 0 && this.#reach(i) > start; i--) {
      const part = this.#clip(i, start, end);
      if (part.length > 0) {
        found.push(part);
        painted += part.length;
        limited(
          'overlapping extents',
          Math.ceil(painted / length),
          this.#limits.overlappingExtents,
        );
      } else {
        limited('overlapping extents', ++passedOver, this.#limits.overlappingExtents);
      }
    }
    return found.sort((a, b) => a.fileOffset - b.fileOffset);
  }

  /** Whether every byte of `[start, start + length)` is in an extent. */
  contains(start: number, length: number): boolean {
    return containsRange(this.within(start, length), start, length);
  }

  /** Highest end of the extents up to index i. */
  #reach(i: number): number {
    return this.#rows.end(at(this.#highest, i));
  }

  /** Number of extents that start before an address. */
  #startingBefore(address: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rows.start(at(this.#order, middle)) < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #clip(i: number, start: number, end: number): Extent {
    const row = at(this.#order, i);
    const from = Math.max(start, this.#rows.start(row));
    const to = Math.min(end, this.#rows.end(row));
    const fileOffset = this.#rows.fileOffset(row) + (from - this.#rows.start(row));
    return { start: from, length: to - from, fileOffset };
  }
}

/** Whether the parts, in any order, contain every byte of `[start, start + length)`. */
export function containsRange(parts: readonly Extent[], start: number, length: number): boolean {
  let reached = start;
  for (const part of [...parts].sort((a, b) => a.start - b.start)) {
    if (part.start > reached) return false;
    reached = Math.max(reached, part.start + part.length);
  }
  return reached >= start + length;
}

function at(values: Uint32Array, i: number): number {
  return values[i] ?? 0;
}

/**
 * Joins overlapping extents that map every address to the same offset: QEMU writes a segment for each virtual
 * address at which memory is mapped, such as the 65,536 of an x86_64 kernel's espfix pages.
 *
 * @param order the rows from sortedOrder(); the remaining rows are moved to its start.
 * @returns the number of remaining rows.
 */
function joinAgreeing(rows: Rows, order: Uint32Array): number {
  let kept = 0;
  for (const row of order) {
    if (kept === 0 || !rows.join(at(order, kept - 1), row)) order[kept++] = row;
  }
  return kept;
}

/**
 * Sorts the rows by start with a natural merge sort.
 *
 * @returns the order, and a second array of the same size that is free for other use.
 */
function sortedOrder(rows: Rows): [order: Uint32Array, free: Uint32Array] {
  let order = new Uint32Array(rows.count);
  let merged = new Uint32Array(rows.count);
  for (let i = 0; i < order.length; i++) order[i] = i;
  while (runEnd(rows, order, 0) < rows.count) {
    for (let start = 0; start < rows.count;) {
      const middle = runEnd(rows, order, start);
      const end = runEnd(rows, order, middle);
      merge(rows, order, { start, middle, end }, merged);
      start = end;
    }
    [order, merged] = [merged, order];
  }
  return [order, merged];
}

/** Returns the end of the ascending run that begins at `start`. */
function runEnd(rows: Rows, order: Uint32Array, start: number): number {
  for (let i = start + 1; i < order.length; i++) {
    if (rows.compare(at(order, i - 1), at(order, i)) > 0) return i;
  }
  return order.length;
}

/** Two adjacent runs. */
interface Runs {
  readonly start: number;
  readonly middle: number;
  readonly end: number;
}

function merge(
  rows: Rows,
  order: Uint32Array,
  { start, middle, end }: Runs,
  to: Uint32Array,
): void {
  let [left, right] = [start, middle];
  for (let i = start; i < end; i++) {
    const isLeft =
      right >= end || (left < middle && rows.compare(at(order, left), at(order, right)) <= 0);
    to[i] = at(order, isLeft ? left++ : right++);
  }
}
