// A small Zstandard encoder, for tests: one frame of raw and run-length blocks (RFC 8878, 3.1.1).

import { ByteWriter } from './bytes.ts';

const RAW = 0;
const RLE = 1;
const SHORTEST_RUN = 16;

export function zstdEncode(input: Uint8Array): Uint8Array {
  const blocks = [...runs(input)];
  const out = new ByteWriter().u32(0xfd2fb528);
  out.u8(0xa0).u32(input.length); // single segment, a content size of 4 bytes
  for (const [i, [type, content, size]] of blocks.entries()) {
    const header = (size << 3) | (type << 1) | (i === blocks.length - 1 ? 1 : 0);
    out
      .u16(header & 0xffff)
      .u8(header >> 16)
      .bytes(content);
  }
  return out.toBytes();
}

type Block = [type: number, content: Uint8Array, size: number];

function* runs(input: Uint8Array): Generator<Block> {
  let rawFrom = 0;
  let at = 0;
  const raw = (): Block => [RAW, input.subarray(rawFrom, at), at - rawFrom];
  while (at < input.length) {
    let end = at + 1;
    while (end < input.length && input[end] === input[at]) end++;
    if (end - at >= SHORTEST_RUN) {
      if (at > rawFrom) yield raw();
      yield [RLE, input.subarray(at, at + 1), end - at];
      rawFrom = end;
    }
    at = end;
  }
  if (at > rawFrom || input.length === 0) yield raw();
}
