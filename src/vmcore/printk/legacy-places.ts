// Where the records of the legacy log lie. Each says where the next one begins, so that a page that is
// missing would take with it all that is behind: there the records are taken up again from any place
// from which a chain of sound ones leads to the end, which is no accident.
// Source: log_store() and log_next() of kernel/printk/printk.c up to v5.9.

import { type ByteOrder, Cursor } from '../bytes/cursor.ts';

/** LOG_ALIGN is 4 or 8: where records may begin, and less than 8 bytes fill one up. */
const STEP = 4;
const MAX_PADDING = 7;

/** The members of struct printk_log by which a record is known, and its size. */
export interface HeaderLengths {
  readonly size: number;
  readonly length: number;
  readonly textLength: number;
  readonly dictLength: number;
}

/** A piece of the buffer, up to where its records end. */
export interface Piece {
  /** Zeros for what is not in the dump. */
  readonly bytes: Uint8Array;
  /** Whether a record begins at the start. */
  readonly startsRecord: boolean;
  /**
   * From where on an empty header may be the last, that says to go on at the start of the buffer;
   * undefined where the last record reaches to the end.
   */
  readonly wrapsFrom: number | undefined;
}

/** Places of records, oldest first, and a `gap` behind each where at least one cannot be found. */
export function recordPlaces(
  { bytes, startsRecord, wrapsFrom }: Piece,
  layout: HeaderLengths,
  order: ByteOrder,
): (number | 'gap')[] {
  const c = new Cursor(bytes, order, 'printk_log');
  const end = bytes.length;
  const places: (number | 'gap')[] = [];
  /** Places from which no chain leads anywhere: none is followed twice. */
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

  /** 0 where no record can be, or none that leads on. */
  function lengthAt(place: number): number {
    if (place + layout.size > end || dead[place / STEP] === 1) return 0;
    const length = c.seek(place + layout.length).u16();
    if (length % STEP !== 0 || length < layout.size || place + length > end) return 0;
    const text = c.seek(place + layout.textLength).u16();
    const padding = length - layout.size - text - c.seek(place + layout.dictLength).u16();
    return padding >= 0 && padding <= MAX_PADDING ? length : 0;
  }

  /** Where the dump has nothing, or zeros in place of what was never written to it. */
  function isHole(place: number): boolean {
    if (place + layout.size > end) return false;
    return bytes.subarray(place, place + layout.size).every((byte) => byte === 0);
  }
}
