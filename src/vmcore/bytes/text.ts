// Text in a dump is bytes until it was decoded here: NUL-terminated, of a fixed width, or ASCII.

const utf8 = new TextDecoder('utf-8');

/** The bytes up to the first NUL, as UTF-8; what is not UTF-8 becomes U+FFFD. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

const ENCODER = new TextEncoder();

/** Text as the bytes that stand for it in a dump; beyond ASCII, those of UTF-8. */
export function ascii(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** Whether `bytes` has `prefix` at `offset`. */
export function hasBytesAt(bytes: Uint8Array, offset: number, prefix: Uint8Array): boolean {
  return prefix.every((byte, i) => bytes[offset + i] === byte);
}

/** strcmp: negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Lower-case hexadecimal, two digits a byte. */
export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
