// What a record stores beside numbers: bytes that anybody may have written.

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Almost every line is of these, and looking for others takes longer. */
const PLAIN = /^[ -~\n]*$/;
/** What else ASCII has, tabs mostly: `\p{C}` would find the same, and takes long to compile. */
const ASCII_CONTROLS = /[^ -~\n]+/g;
const BEYOND_ASCII = /[\u0080-\uffff]/;

/**
 * The text of a record: what is not UTF-8 is U+FFFD, and what a terminal or a web page would act on
 * is a space, except for the ends of its lines.
 */
export function recordText(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  if (PLAIN.test(text)) return text;
  return text.replace(BEYOND_ASCII.test(text) ? /[^\P{C}\n]+/gu : ASCII_CONTROLS, ' ');
}

/** `+pci:0000:01:00.0`; null where the field is empty. */
export function deviceName(bytes: Uint8Array): string | null {
  if (bytes[0] === 0) return null;
  const end = bytes.indexOf(0);
  const name = recordText(end < 0 ? bytes : bytes.subarray(0, end)).replaceAll('\n', ' ');
  return name === '' ? null : name;
}

/**
 * The byte that holds `u8 flags:5, level:3`: bit fields fill a byte from its low end on little-endian
 * machines and from its high end on big-endian ones.
 */
export function flagsAndLevel(
  byte: number,
  endian: 'little' | 'big',
): { readonly flags: number; readonly level: number } {
  return endian === 'little'
    ? { flags: byte & 0x1f, level: byte >> 5 }
    : { flags: byte >> 3, level: byte & 7 };
}

/** `C12` for a CPU (bit 31 of the caller's id is set), `T55` for a thread (kernel/printk/printk.c printk_caller_id). */
export function callerName(id: number): string {
  return id >= 0x80000000 ? `C${id - 0x80000000}` : `T${id}`;
}

/** Seconds of a u64 that counts nanoseconds. */
export function secondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}
