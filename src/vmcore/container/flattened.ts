// makedumpfile's flattened format (-F): a dump as a stream of records, which can go through a pipe. QEMU and most
// distributions write it, under any file name.
// Source: makedumpfile.h struct makedumpfile_header and makedumpfile_data_header; all numbers are
// big-endian. Records come in any order; a later one overwrites an earlier one.

import { Cursor, limited } from '../bytes/cursor.ts';
import { ExtentBuilder, type ExtentMap, containsRange } from '../bytes/extents.ts';
import { type ByteSource, inRange, requireRange } from '../bytes/source.ts';
import { ascii, hasBytesAt } from '../bytes/text.ts';
import { Corrupt, Unsupported } from '../errors.ts';
import type { Limits } from '../limits.ts';

/** makedumpfile leaves the last 3 of SIG_LEN_MDF = 16 bytes uninitialized. */
export const FLATTENED_MAGIC = ascii('makedumpfile\0');
const HEADER_BYTES = 4096; // MAX_SIZE_MDF_HEADER
const RECORD_BYTES = 16;
const BIG_ENDIAN = { endian: 'big', wordBits: 64 } as const;
const END = 0xffffffffffffffffn; // END_FLAG_FLAT_HEADER, in both fields

/** Whether `head`, the first bytes of a file, has the signature of struct makedumpfile_header. */
export function isFlattened(head: Uint8Array): boolean {
  return hasBytesAt(head, 0, FLATTENED_MAGIC);
}

/** The rearranged file. */
export interface FlattenedSource extends ByteSource {
  /** Whether the stream has its end record. */
  readonly ended: boolean;
  /** Offset of the last record in the stream. */
  readonly lastRecord: number;
}

/**
 * Indexes the records of a flattened stream with one small read each; does not read their data.
 *
 * Of a truncated stream, the complete records and the present part of the last one are used.
 *
 * @throws Unsupported for another version, Corrupt (`truncated`) if the header was never written.
 * @throws LimitExceeded for more records than limits.ts allows.
 */
export function flattened(source: ByteSource, limits: Limits): FlattenedSource {
  const header = new Cursor(source.read(0, 32), BIG_ENDIAN, 'flattened header').seek(16);
  const type = header.u64(); // TYPE_FLAT_HEADER = 1
  const version = header.u64(); // VERSION_FLAT_HEADER = 1
  if (version === 0n) {
    throw new Corrupt(
      'truncated',
      'flattened header at 0x18',
      'got version 0: it was never written',
    );
  }
  if (type !== 1n || version !== 1n) {
    throw new Unsupported(
      'unsupported_format',
      'flattened header at 0x10',
      `got type ${type} version ${version}, want type 1 version 1`,
    );
  }
  const records = new ExtentBuilder();
  let position = HEADER_BYTES;
  let lastRecord = 0;
  let ended = false;
  let written = 0;
  for (let count = 1; position + RECORD_BYTES <= source.size; count++) {
    limited('flattened records', count, limits.flattenedRecords);
    const record = new Cursor(source.read(position, RECORD_BYTES), BIG_ENDIAN, 'record', position);
    const offset = record.u64();
    const size = record.u64();
    if (offset === END && size === END) {
      ended = true;
      break;
    }
    if (offset === 0n && size === 0n) break; // space that was set aside and never written
    if (offset + size > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw record.corrupt('flattened record', `offset ${offset} size ${size}`, 'a file range', 16);
    }
    lastRecord = position;
    position += RECORD_BYTES;
    written += Number(size);
    records.add(Number(offset), Math.min(Number(size), source.size - position), position);
    position += Number(size);
  }
  const map = records.build(limits);
  limited('flattened holes', map.end - written, limits.flattenedHoles);
  return { ...rearranged(source, map), ended, lastRecord };
}

function rearranged(source: ByteSource, records: ExtentMap): ByteSource {
  return {
    size: records.end,
    read(offset, length): Uint8Array {
      requireRange('flattened stream', records.end, offset, length);
      const parts = records.within(offset, length);
      const [only] = parts;
      if (parts.length === 1 && only?.length === length)
        return source.read(only.fileOffset, length);
      const bytes = new Uint8Array(length); // zeros where no record wrote
      for (const part of parts) {
        bytes.set(source.read(part.fileOffset, part.length), part.start - offset);
      }
      return bytes;
    },
    contains: (offset, length) =>
      inRange(records.end, offset, length) &&
      containsRange(records.within(offset, length), offset, length),
    origin: (offset, length) => ({
      file: source,
      pieces: records.within(offset, length).map((part) => ({
        offset: part.fileOffset,
        length: part.length,
      })),
    }),
  };
}
