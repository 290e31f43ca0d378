// Converts bytes of a dump to text: NUL-terminated, of fixed width, or ASCII.

const utf8 = new TextDecoder('utf-8');

/** Decodes the bytes up to the first NUL as UTF-8; invalid sequences become U+FFFD. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

const ENCODER = new TextEncoder();

/** Encodes text as in a dump; beyond ASCII as UTF-8. */
export function ascii(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** Whether `bytes` has `prefix` at `offset`. */
export function hasBytesAt(bytes: Uint8Array, offset: number, prefix: Uint8Array): boolean {
  return prefix.every((byte, i) => bytes[offset + i] === byte);
}

/** Compares like strcmp(3): negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Returns lower-case hexadecimal, two digits per byte. */
export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
