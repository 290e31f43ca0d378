// Paths as text. Linux names are bytes, mostly UTF-8; decoding other bytes as UTF-8 loses them. So each byte
// that is not part of a valid character becomes a character of a private-use plane: the path is text in
// the ledger, between threads and in patterns, and converts back to the same bytes.

import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';

/**
 * Stands for byte 0; the characters after it stand for bytes 1 to 255. Where a name itself has one of
 * these characters, its bytes are replaced one by one.
 */
const FIRST = 0x10fe00;
const STAND_INS = /[\u{10fe00}-\u{10feff}]/gu;

/** Returns the path or name of these bytes. Different bytes give different paths. */
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

/** Returns what to pass to a system call: the path itself, or its bytes if it has stand-ins. */
export function systemPath(path: string): string | Buffer {
  if (!hasStandIn(path)) return path;
  return Buffer.concat(
    Array.from(path, (character) =>
      hasStandIn(character) ? Buffer.of(byteOf(character)) : Buffer.from(character),
    ),
  );
}

/** Whether a path is the URL of an object. A local file of such a name is written `./https://...`. */
export function isRemote(path: string): boolean {
  return /^(?:https?|s3):\/\//i.test(path);
}

/** Whether a path is `s3://BUCKET/KEY`. */
export function isInBucket(path: string): boolean {
  return /^s3:\/\//i.test(path);
}

/** Returns the path of a file or object called `name` in the same directory as `path`. */
export function pathBeside(path: string, name: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1) + name;
}

/**
 * Parses a dump directory. Returns an absolute path, or the URL of a bucket with an optional prefix;
 * undefined for an empty text and for other URLs.
 */
export function dumpDirectory(text: string): string | undefined {
  if (!isRemote(text)) return text === '' ? undefined : resolve(text);
  return /^s3:\/\/[^/]+(?:\/[^/]+)*\/?$/.test(text) ? text.replace(/\/$/, '') : undefined;
}

/** Returns the absolute path; a URL unchanged. */
export function absolutePath(path: string): string {
  return isRemote(path) ? path : resolve(path);
}

/**
 * Returns the path as shown to people: a byte that is not part of a character as `\xff`, a URL without
 * credentials and without its query, which may grant access to the object (presigned URLs).
 */
export function shownPath(path: string): string {
  return (isRemote(path) ? withoutSecrets(path) : path).replace(
    STAND_INS,
    (character) => `\\x${byteOf(character).toString(16)}`,
  );
}

/** Removes user and password (RFC 3986 section 3.2.1), query and fragment. An s3:// URL has none of them. */
function withoutSecrets(url: string): string {
  if (isInBucket(url)) return url;
  const end = url.search(/[?#]/);
  const plain = end < 0 ? url : url.slice(0, end);
  const authority = plain.indexOf('//') + 2;
  const slash = plain.indexOf('/', authority);
  const at = plain.slice(0, slash < 0 ? undefined : slash).lastIndexOf('@');
  return at < authority ? plain : plain.slice(0, authority) + plain.slice(at + 1);
}

function hasStandIn(text: string): boolean {
  return text.search(STAND_INS) >= 0;
}

function byteOf(standIn: string): number {
  return (standIn.codePointAt(0) ?? FIRST) - FIRST;
}

/** Length of a UTF-8 character in bytes, from its first byte (RFC 3629). */
function characterLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
