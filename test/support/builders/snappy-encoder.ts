// Snappy blocks (google/snappy format_description.txt): literals, and copies with offsets of two
// bytes where the last four bytes were met before.

import { ByteWriter } from './bytes.ts';

const MIN_COPY = 4;
const MAX_COPY = 64;
const MAX_LITERAL = 0x10000;

export function snappyEncode(page: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  let length = page.length;
  for (; length >= 0x80; length >>>= 7) out.u8((length & 0x7f) | 0x80);
  out.u8(length);
  const met = new Map<number, number>();
  let pending = 0;
  for (let at = 0; at < page.length;) {
    const from = at + MIN_COPY <= page.length ? met.get(keyAt(page, at)) : undefined;
    if (at + MIN_COPY <= page.length) met.set(keyAt(page, at), at);
    if (from === undefined || at - from > 0xffff) {
      at++;
      continue;
    }
    literal(out, page.subarray(pending, at));
    let count = MIN_COPY;
    while (
      count < MAX_COPY &&
      at + count < page.length &&
      page[from + count] === page[at + count]
    ) {
      count++;
    }
    out.u8(((count - 1) << 2) | 2).u16(at - from);
    at += count;
    pending = at;
  }
  literal(out, page.subarray(pending));
  return out.toBytes();
}

function keyAt(page: Uint8Array, at: number): number {
  return new DataView(page.buffer, page.byteOffset).getUint32(at, true);
}

function literal(out: ByteWriter, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  if (bytes.length > MAX_LITERAL) throw new Error(`literal of ${bytes.length} bytes`);
  if (bytes.length <= 60) out.u8((bytes.length - 1) << 2);
  else out.u8(61 << 2).u16(bytes.length - 1);
  out.bytes(bytes);
}
