// A small LZO1X encoder, for tests: literals, and runs of one repeated byte as copies from one byte
// back. It uses the first-byte run, long literal runs, trailing literals and M3 copies, so that what
// it writes is a stream that liblzo2 reads. Grammar: kernel Documentation/staging/lzo.rst.

import { ByteWriter } from './bytes.ts';

/** @param shortestRun of equal bytes that is worth a copy. */
export function lzoEncode(input: Uint8Array, shortestRun = 8): Uint8Array {
  const out: number[] = [];
  let literalsFrom = 0;
  let at = 0;
  while (at < input.length) {
    const run = runLength(input, at);
    if (run < shortestRun) {
      at += run;
      continue;
    }
    writeLiterals(out, input.subarray(literalsFrom, at + 1)); // the byte that the copy repeats
    writeCopy(out, run - 1);
    at += run;
    literalsFrom = at;
  }
  if (literalsFrom < input.length) writeLiterals(out, input.subarray(literalsFrom));
  return new ByteWriter().bytes(Uint8Array.from(out)).u8(0x11).u8(0).u8(0).toBytes();
}

function runLength(input: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < input.length && input[end] === input[at]) end++;
  return end - at;
}

function writeLiterals(out: number[], literals: Uint8Array): void {
  const count = literals.length;
  const isFirst = out.length === 0;
  if (isFirst && count <= 238) out.push(17 + count);
  else if (count <= 3)
    out[out.length - 2] = (out[out.length - 2] ?? 0) | count; // S of the copy
  else if (count <= 18) out.push(count - 3);
  else out.push(0, ...longLength(count - 18));
  out.push(...literals);
}

/** M3: 001LLLLL, then the distance minus one in the upper 14 bits of a little-endian 16. */
function writeCopy(out: number[], count: number): void {
  if (count - 2 <= 31) out.push(0x20 | (count - 2));
  else out.push(0x20, ...longLength(count - 2 - 31));
  out.push(0, 0);
}

function longLength(rest: number): number[] {
  const zeros = Math.floor((rest - 1) / 255);
  return [...new Array<number>(zeros).fill(0), rest - 255 * zeros];
}
