// What a client says first, kept until it can be served: the head of a request, or the TLS record of a
// ClientHello (RFC 8446 section 5.1). Whoever stops half-way costs its bytes, no parser and no handshake.

/** A TLS record that holds a handshake message. */
export const HANDSHAKE = 0x16;
const RECORD_HEADER_BYTES = 5;

/** What is more than this is served as it is: whoever reads it refuses it. */
export const MAX_FIRST_BYTES = 16 * 1024;

const REQUEST_LINE = /^[A-Z]+ [^\s]+ HTTP\/\d\.\d$/;

/** Whether a request's head is whole; or will never be one, which the HTTP parser answers. */
export function isWholeHead(bytes: Buffer): boolean {
  if (bytes.length >= MAX_FIRST_BYTES) return true;
  const text = bytes.toString('latin1').replace(/^[\r\n]+/, '');
  const [line, rest] = text.split(/\r?\n/, 2);
  if (rest === undefined) return !/^[A-Z]*(?:$| )/.test(text);
  return !REQUEST_LINE.test(line ?? '') || /\r?\n\r?\n/.test(text);
}

/** Whether the first TLS record is whole; or is none, which whoever speaks TLS answers. */
export function isWholeRecord(bytes: Buffer): boolean {
  if (bytes[0] !== HANDSHAKE || bytes.length >= MAX_FIRST_BYTES) return true;
  if (bytes.length < RECORD_HEADER_BYTES) return false;
  return bytes.length >= RECORD_HEADER_BYTES + bytes.readUInt16BE(3);
}
