// Locates the records of the legacy log. Each record has the length to the next one, so a missing page would
// hide all records after it. To resume after a gap, the search looks for any offset from which a chain of
// valid records leads to the end, which is no coincidence.
// Source: log_store() and log_next() of kernel/printk/printk.c up to v5.9.

import { type ByteOrder, Cursor } from '../bytes/cursor.ts';

/** LOG_ALIGN is 4 or 8: the alignment of records, so that less than 8 bytes are padding. */
const STEP = 4;
const MAX_PADDING = 7;

/** Size of struct printk_log, and offsets of the members that identify a record. */
export interface HeaderLengths {
  readonly size: number;
  readonly length: number;
  readonly textLength: number;
  readonly dictLength: number;
}

/** A part of the buffer, up to the end of its records. */
export interface Piece {
  /** Zeros in place of missing pages. */
  readonly bytes: Uint8Array;
  /** Whether a record begins at offset 0. */
  readonly startsRecord: boolean;
  /**
   * Lowest offset of the empty header that marks the wrap to the start of the buffer; undefined if the last
   * record ends at the end of `bytes`.
   */
  readonly wrapsFrom: number | undefined;
}

/** Returns the offsets of records, oldest first, with a `gap` after each where at least one is missing. */
export function recordPlaces(
  { bytes, startsRecord, wrapsFrom }: Piece,
  layout: HeaderLengths,
  order: ByteOrder,
): (number | 'gap')[] {
  const c = new Cursor(bytes, order, 'printk_log');
  const end = bytes.length;
  const places: (number | 'gap')[] = [];
  /** Offsets from which no chain leads to the end, so that none is followed twice. */
  const dead = new Uint8Array(Math.ceil(end / STEP));
  let known = startsRecord;
  let at = 0;
  while (at < end) {
    if (!known && lengthAt(at) === 0) {
      at += STEP;
      continue;
    }
    const before = places.length;
    let stop = at;
    for (let length = lengthAt(stop); length > 0; length = lengthAt(stop)) {
      places.push(stop);
      stop += length;
    }
    const hole = isHole(stop);
    const ended = wrapsFrom === undefined ? stop === end : hole && stop >= wrapsFrom;
    if (known || ended || hole) {
      if (ended) break;
      places.push('gap');
      known = false;
      at = stop + STEP;
    } else {
      for (const place of places.splice(before)) dead[Number(place) / STEP] = 1;
      at += STEP;
    }
  }
  return places;

  /** Returns the length of the record at an offset; 0 if there is no valid one, or its chain leads nowhere. */
  function lengthAt(place: number): number {
    if (place + layout.size > end || dead[place / STEP] === 1) return 0;
    const length = c.seek(place + layout.length).u16();
    if (length % STEP !== 0 || length < layout.size || place + length > end) return 0;
    const text = c.seek(place + layout.textLength).u16();
    const padding = length - layout.size - text - c.seek(place + layout.dictLength).u16();
    return padding >= 0 && padding <= MAX_PADDING ? length : 0;
  }

  /** Whether the header at an offset is all zero: missing from the dump, or never written. */
  function isHole(place: number): boolean {
    if (place + layout.size > end) return false;
    return bytes.subarray(place, place + layout.size).every((byte) => byte === 0);
  }
}
