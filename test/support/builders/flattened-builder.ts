// makedumpfile's flattened format: a file cut into records, in any order, with or without an end.

import { BE64, ByteWriter } from './bytes.ts';

export interface FlatRecord {
  readonly offset: number | bigint;
  readonly bytes: Uint8Array;
  /** The size that the record claims, where it is not that of its bytes. */
  readonly size?: number | bigint;
}

export interface FlatOptions {
  /** Whether there is an end record: yes unless said otherwise. */
  readonly ended?: boolean;
  readonly type?: number;
  readonly version?: number;
}

/** File offset of the first record. */
export const FIRST_RECORD = 4096;

export function flatStream(records: readonly FlatRecord[], options: FlatOptions = {}): Uint8Array {
  const { ended = true, type = 1, version = 1 } = options;
  const out = new ByteWriter(BE64).text('makedumpfile', 16).u64(type).u64(version);
  out.padTo(FIRST_RECORD);
  for (const { offset, bytes, size } of records) {
    out
      .u64(offset)
      .u64(size ?? bytes.length)
      .bytes(bytes);
  }
  if (ended) out.u64(-1).u64(-1);
  return out.toBytes();
}

/** The records of a file, `size` bytes each. */
export function flatRecords(file: Uint8Array, size = 4096): FlatRecord[] {
  return Array.from({ length: Math.ceil(file.length / size) }, (_, i) => ({
    offset: i * size,
    bytes: file.subarray(i * size, (i + 1) * size),
  }));
}

/** A file as a stream: every second record first, then the others, for no reader may rely on order. */
export function flatten(file: Uint8Array, options: FlatOptions = {}): Uint8Array {
  const records = flatRecords(file);
  const odd = records.filter((_, i) => i % 2 === 1);
  const even = records.filter((_, i) => i % 2 === 0);
  return flatStream([...odd, ...even], options);
}
