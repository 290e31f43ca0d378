// LZO1X, as makedumpfile -l and QEMU write it: liblzo2's lzo1x_1 stream, one a page.
// Specified in the kernel tree: Documentation/staging/lzo.rst. Not handled: the kernel's own
// LZO-RLE (a first byte of 17 and a version), which no dump writer uses.

/** The stream is broken; page-codec.ts adds the page. */
class BrokenStream extends Error {}

/**
 * Decompresses one LZO1X stream up to its end marker.
 *
 * @param size maximum number of bytes of output.
 * @param enough stop after this many bytes.
 * @returns the output, at most `size` bytes.
 * @throws Error if a copy leaves the input or the output, or the end marker is not at the end.
 */
export function decompressLzo1x(input: Uint8Array, size: number, enough?: number): Uint8Array {
  const output = new Uint8Array(size);
  let ip = 0;
  let op = 0;
  /**
   * Literals copied by the last instruction: 0 to 3, or 4 for more. Determines the meaning of the codes
   * 0..15.
   */
  let state = 0;

  const next = (): number => {
    if (ip >= input.length) throw new BrokenStream(`input ends at ${ip}`);
    return input[ip++]!;
  };
  /** Reads an extended length: 255 for each zero byte, plus the first nonzero byte. */
  const longLength = (base: number): number => {
    let length = base;
    for (let byte = next(); ; byte = next()) {
      if (byte !== 0) return length + byte;
      length += 255;
      if (length > size) throw new BrokenStream(`length ${length} over ${size}`);
    }
  };
  const literals = (count: number): void => {
    if (ip + count > input.length || op + count > size) {
      throw new BrokenStream(`${count} literals at ${ip} do not fit`);
    }
    for (const end = ip + count; ip < end;) output[op++] = input[ip++]!;
  };
  const match = (distance: number, count: number): void => {
    if (distance > op || op + count > size) {
      throw new BrokenStream(`copy of ${count} from ${distance} back at ${op} does not fit`);
    }
    for (const end = op + count; op < end; op++) output[op] = output[op - distance]!;
  };

  if (input.length > 0 && input[0]! > 17) {
    const count = next() - 17;
    literals(count);
    state = Math.min(count, 4);
  }
  for (;;) {
    if (enough !== undefined && op >= enough) return output.subarray(0, op);
    const code = next();
    let trailing: number;
    if (code >= 64) {
      const count = code >= 128 ? 5 + ((code >> 5) & 3) : 3 + ((code >> 5) & 1);
      match((next() << 3) + ((code >> 2) & 7) + 1, count);
      trailing = code & 3;
    } else if (code >= 32) {
      const count = 2 + (code & 31 || longLength(31));
      const low = next();
      match((next() << 6) + (low >> 2) + 1, count);
      trailing = low & 3;
    } else if (code >= 16) {
      const count = 2 + (code & 7 || longLength(7));
      const low = next();
      const distance = 16384 + ((code & 8) << 11) + (next() << 6) + (low >> 2);
      if (distance === 16384) break;
      match(distance, count);
      trailing = low & 3;
    } else if (state === 0) {
      literals(3 + (code || longLength(15)));
      state = 4;
      continue;
    } else {
      const near = (next() << 2) + (code >> 2);
      if (state === 4) match(near + 2049, 3);
      else match(near + 1, 2);
      trailing = code & 3;
    }
    literals(trailing);
    state = trailing;
  }
  if (ip !== input.length)
    throw new BrokenStream(`${input.length - ip} bytes after the end marker`);
  return output.subarray(0, op);
}
