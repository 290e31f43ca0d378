// Sources that misbehave as files do, and one that is too large to exist.

import { type ByteSource, bytesSource } from '../../../src/vmcore/bytes/source.ts';

/** A source that throws `error` for every read that touches `[from, to)`. */
export function failingSource(
  bytes: Uint8Array,
  error: Error,
  [from, to]: readonly [number, number] = [0, bytes.length],
): ByteSource {
  const inner = bytesSource(bytes);
  return {
    ...inner,
    read(offset, length): Uint8Array {
      if (offset < to && offset + length > from) throw error;
      return inner.read(offset, length);
    },
  };
}

/** A source that notes every read as `[offset, length]`. */
export function recordingSource(
  bytes: Uint8Array,
): ByteSource & { readonly log: [number, number][] } {
  const inner = bytesSource(bytes);
  const log: [number, number][] = [];
  return {
    ...inner,
    log,
    read(offset, length): Uint8Array {
      log.push([offset, length]);
      return inner.read(offset, length);
    },
  };
}

/** `size` zeros with a few bytes in them, of which none exists before it is read. */
export function sparseSource(size: number, parts: ReadonlyMap<number, Uint8Array>): ByteSource {
  return {
    size,
    read(offset, length): Uint8Array {
      const bytes = new Uint8Array(length);
      for (const [start, part] of parts) {
        const from = Math.max(start, offset);
        const to = Math.min(start + part.length, offset + length);
        if (from < to) bytes.set(part.subarray(from - start, to - start), from - offset);
      }
      return bytes;
    },
    contains: (offset, length) => offset + length <= size,
  };
}
