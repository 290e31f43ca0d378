// Paths as text. To Linux a name is bytes; most are UTF-8, and text that is not loses them. Here each
// byte that is no part of a character is a character of its own, of a private plane, so that a path
// stays text in the ledger, between threads and in patterns, and gives back the same bytes.

import { isUtf8 } from 'node:buffer';

/** The character of byte 0; the others follow. A name that has these characters has them as bytes. */
const FIRST = 0x10fe00;
const STAND_INS = /[\u{10fe00}-\u{10feff}]/gu;

/** The path or name that these bytes are; another one for each. */
export function pathOf(bytes: Buffer): string {
  const text = bytes.toString();
  if (isUtf8(bytes) && !hasStandIn(text)) return text;
  let path = '';
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes[at] ?? 0);
    const character = bytes.subarray(at, at + length);
    const decoded = character.toString();
    if (character.length === length && isUtf8(character) && !hasStandIn(decoded)) {
      path += decoded;
      at += length;
    } else {
      path += String.fromCodePoint(FIRST + (bytes[at] ?? 0));
      at += 1;
    }
  }
  return path;
}

/** What a system call is to be given: the path itself, or its bytes where text is not enough. */
export function systemPath(path: string): string | Buffer {
  if (!hasStandIn(path)) return path;
  return Buffer.concat(
    Array.from(path, (character) =>
      hasStandIn(character) ? Buffer.of(byteOf(character)) : Buffer.from(character),
    ),
  );
}

/** The path for people: a byte that is no part of a character reads `\xff`. */
export function shownPath(path: string): string {
  return path.replace(STAND_INS, (character) => `\\x${byteOf(character).toString(16)}`);
}

function hasStandIn(text: string): boolean {
  return text.search(STAND_INS) >= 0;
}

function byteOf(standIn: string): number {
  return (standIn.codePointAt(0) ?? FIRST) - FIRST;
}

/** By its first byte (RFC 3629). */
function characterLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
