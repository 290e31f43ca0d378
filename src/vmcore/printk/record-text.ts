// Decodes the parts of a record that are not plain numbers; anybody may have written its bytes.

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Fast path: almost every line consists of these characters. */
const PLAIN = /^[ -~\n]*$/;
/** Other ASCII characters, mostly tabs; `\p{C}` would be equivalent but slow to compile. */
const ASCII_CONTROLS = /[^ -~\n]+/g;
const BEYOND_ASCII = /[\u0080-\uffff]/;

/**
 * Decodes the text of a record: invalid UTF-8 becomes U+FFFD, and control and format characters except
 * newlines become spaces.
 */
export function recordText(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  if (PLAIN.test(text)) return text;
  return text.replace(BEYOND_ASCII.test(text) ? /[^\P{C}\n]+/gu : ASCII_CONTROLS, ' ');
}

/** Decodes a device name such as `+pci:0000:01:00.0`; null if the field is empty. */
export function deviceName(bytes: Uint8Array): string | null {
  if (bytes[0] === 0) return null;
  const end = bytes.indexOf(0);
  const name = recordText(end < 0 ? bytes : bytes.subarray(0, end)).replaceAll('\n', ' ');
  return name === '' ? null : name;
}

/**
 * Decodes a byte with `u8 flags:5, level:3`: bit fields are allocated from the low end on little-endian
 * machines and from the high end on big-endian ones.
 */
export function flagsAndLevel(
  byte: number,
  endian: 'little' | 'big',
): { readonly flags: number; readonly level: number } {
  return endian === 'little'
    ? { flags: byte & 0x1f, level: byte >> 5 }
    : { flags: byte >> 3, level: byte & 7 };
}

/** Returns `C12` for a CPU (bit 31 is set) or `T55` for a thread (kernel/printk/printk.c printk_caller_id). */
export function callerName(id: number): string {
  return id >= 0x80000000 ? `C${id - 0x80000000}` : `T${id}`;
}

/** Converts nanoseconds to seconds. */
export function secondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}
