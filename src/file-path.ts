// Paths as text. To Linux a name is bytes; most are UTF-8, and text that is not loses them. Here each
// byte that is no part of a character is a character of its own, of a private plane, so that a path
// stays text in the ledger, between threads and in patterns, and gives back the same bytes.

import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';

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

/** Whether a path is a URL of an object in a store; a file of that name is `./https://...`. */
export function isRemote(path: string): boolean {
  return /^(?:https?|s3):\/\//i.test(path);
}

/** Whether a path is `s3://BUCKET/KEY`. */
export function isInBucket(path: string): boolean {
  return /^s3:\/\//i.test(path);
}

/** The path of what has that name beside a file or object. */
export function pathBeside(path: string, name: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1) + name;
}

/**
 * A dump directory as it is given: an absolute path, or a bucket with or without a prefix; undefined for
 * an empty text and for other URLs.
 */
export function dumpDirectory(text: string): string | undefined {
  if (!isRemote(text)) return text === '' ? undefined : resolve(text);
  return /^s3:\/\/[^/]+(?:\/[^/]+)*\/?$/.test(text) ? text.replace(/\/$/, '') : undefined;
}

/** The path from the root on; a URL as it is. */
export function absolutePath(path: string): string {
  return isRemote(path) ? path : resolve(path);
}

/**
 * The path for people: a byte that is no part of a character reads `\xff`, and a URL ends before its
 * query, which may give access to the object (presigned URLs).
 */
export function shownPath(path: string): string {
  return (isRemote(path) ? withoutSecrets(path) : path).replace(
    STAND_INS,
    (character) => `\\x${byteOf(character).toString(16)}`,
  );
}

/** Without user and password (RFC 3986 section 3.2.1), query and fragment. A key in S3 has none of them. */
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

/** By its first byte (RFC 3629). */
function characterLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
