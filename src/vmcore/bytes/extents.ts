// A sorted set of extents, each a run of addresses that lives at some place of a file: the records
// of a flattened stream, the segments of an ELF core. Extents may overlap; the one that comes later
// in the file wins, which is what makedumpfile -R does and what is indifferent for ELF.

import type { Limits } from '../limits.ts';
import { limited } from './cursor.ts';

/** One extent, or the part of it that a lookup asked for. */
export interface Extent {
  readonly start: number;
  readonly length: number;
  /** File offset of its first byte. */
  readonly fileOffset: number;
}

/** Collects extents in any order; 24 bytes each. */
export class ExtentBuilder {
  #starts: Float64Array = new Float64Array(1024);
  #lengths: Float64Array = new Float64Array(1024);
  #fileOffsets: Float64Array = new Float64Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(start: number, length: number, fileOffset: number): void {
    if (length <= 0) return;
    if (this.#count === this.#starts.length) {
      this.#starts = grow(this.#starts);
      this.#lengths = grow(this.#lengths);
      this.#fileOffsets = grow(this.#fileOffsets);
    }
    this.#starts[this.#count] = start;
    this.#lengths[this.#count] = length;
    this.#fileOffsets[this.#count] = fileOffset;
    this.#count++;
  }

  /** The map takes the memory over, array by array: nothing can be added any more. */
  build(limits: Limits): ExtentMap {
    const order = sortedOrder(this.#starts.subarray(0, this.#count));
    this.#starts = inOrder(this.#starts, order);
    this.#lengths = inOrder(this.#lengths, order);
    this.#fileOffsets = inOrder(this.#fileOffsets, order);
    return new ExtentMap(this.#starts, this.#lengths, this.#fileOffsets, limits);
  }
}

export class ExtentMap {
  readonly #starts: Float64Array;
  readonly #lengths: Float64Array;
  readonly #fileOffsets: Float64Array;
  /** The highest end among this extent and all before it: bounds the search for overlaps. */
  readonly #reach: Float64Array;
  readonly #limits: Limits;

  constructor(
    starts: Float64Array,
    lengths: Float64Array,
    fileOffsets: Float64Array,
    limits: Limits,
  ) {
    this.#starts = starts;
    this.#lengths = lengths;
    this.#fileOffsets = fileOffsets;
    this.#limits = limits;
    this.#reach = new Float64Array(starts.length);
    let reach = -Infinity;
    for (let i = 0; i < starts.length; i++) {
      reach = Math.max(reach, at(starts, i) + at(lengths, i));
      this.#reach[i] = reach;
    }
  }

  get count(): number {
    return this.#starts.length;
  }

  /** One past the highest address. */
  get end(): number {
    return this.count === 0 ? 0 : at(this.#reach, this.count - 1);
  }

  /** Every extent, by address. */
  *all(): Generator<Extent> {
    for (let i = 0; i < this.count; i++) yield this.#clip(i, -Infinity, Infinity);
  }

  /**
   * The parts of extents that lie in `[start, start + length)`, in the order to paint them: what
   * comes later in the file comes last.
   *
   * @throws LimitExceeded when more than `overlappingExtents` lie over one another.
   */
  within(start: number, length: number): Extent[] {
    const end = start + length;
    const found: Extent[] = [];
    let passedOver = 0;
    let painted = 0;
    for (let i = lowerBound(this.#starts, end) - 1; i >= 0 && at(this.#reach, i) > start; i--) {
      const part = this.#clip(i, start, end);
      if (part.length > 0) {
        found.push(part);
        painted += part.length;
        limited('overlapping extents', painted / length, this.#limits.overlappingExtents);
      } else {
        limited('overlapping extents', ++passedOver, this.#limits.overlappingExtents);
      }
    }
    return found.sort((a, b) => a.fileOffset - b.fileOffset);
  }

  /** Whether every byte of `[start, start + length)` is in some extent. */
  covers(start: number, length: number): boolean {
    return coversRange(this.within(start, length), start, length);
  }

  #clip(i: number, start: number, end: number): Extent {
    const from = Math.max(start, at(this.#starts, i));
    const to = Math.min(end, at(this.#starts, i) + at(this.#lengths, i));
    const fileOffset = at(this.#fileOffsets, i) + (from - at(this.#starts, i));
    return { start: from, length: to - from, fileOffset };
  }
}

/** Whether the parts, in any order, leave no byte of `[start, start + length)` out. */
export function coversRange(parts: readonly Extent[], start: number, length: number): boolean {
  let reached = start;
  for (const part of [...parts].sort((a, b) => a.start - b.start)) {
    if (part.start > reached) return false;
    reached = Math.max(reached, part.start + part.length);
  }
  return reached >= start + length;
}

function at(values: Float64Array, i: number): number {
  return values[i] ?? 0;
}

/** First index whose value is at least `value`. */
function lowerBound(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(values, middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function grow(values: Float64Array): Float64Array {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}

/** The stable ascending order of the values. */
function sortedOrder(values: Float64Array): Uint32Array {
  const order = new Uint32Array(values.length);
  let sorted = true;
  for (let i = 0; i < order.length; i++) {
    order[i] = i;
    sorted &&= i === 0 || at(values, i) >= at(values, i - 1);
  }
  return sorted ? order : order.sort((a, b) => at(values, a) - at(values, b) || a - b);
}

/** Element `order[i]` at `i`, in an array without room to spare. */
function inOrder(values: Float64Array, order: Uint32Array): Float64Array {
  const ordered = new Float64Array(order.length);
  for (let i = 0; i < order.length; i++) ordered[i] = at(values, order[i] ?? i);
  return ordered;
}
