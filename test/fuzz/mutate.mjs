/** Small random changes to bytes: those of AFL and libFuzzer that matter for binary formats. */

/** A small generator with a seed, so that a run can be repeated (xorshift32). */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

const INTERESTING = [
  0n,
  1n,
  2n,
  7n,
  8n,
  16n,
  24n,
  64n,
  127n,
  128n,
  255n,
  256n,
  4095n,
  4096n,
  65535n,
];
const EDGES = [31n, 32n, 52n, 53n, 63n].flatMap((bits) => [(1n << bits) - 1n, 1n << bits]);
const NUMBERS = [...INTERESTING, ...EDGES, (1n << 64n) - 1n, (1n << 64n) - 4096n];
const WIDTHS = [1, 2, 4, 8];
export const MAX_BYTES = 1 << 18;

/**
 * @param data what to change; stays as it is.
 * @param next random()
 * @param tokens byte strings that the format knows.
 * @param pairs numbers that were compared, [got, want]: where one stands, the other may matter.
 * @param other another input, to take pieces of.
 */
export function mutate(data, next, { tokens, pairs, other }) {
  let bytes = Uint8Array.from(data);
  for (let count = 1 + next(4) * next(3); count > 0; count--) {
    bytes = CHANGES[next(CHANGES.length)](bytes, next, { tokens, pairs, other });
  }
  return bytes.subarray(0, MAX_BYTES);
}

const CHANGES = [
  flip,
  byte,
  number,
  number,
  add,
  add,
  compared,
  compared,
  token,
  remove,
  repeat,
  copy,
  splice,
  cut,
];

function flip(bytes, next) {
  if (bytes.length > 0) bytes[next(bytes.length)] ^= 1 << next(8);
  return bytes;
}

function byte(bytes, next) {
  if (bytes.length > 0) bytes[next(bytes.length)] = next(256);
  return bytes;
}

function number(bytes, next) {
  return put(bytes, place(bytes, next), NUMBERS[next(NUMBERS.length)], next);
}

function add(bytes, next) {
  const width = WIDTHS[next(4)];
  const at = place(bytes, next);
  const little = next(2) === 1;
  const delta = BigInt(next(35) - 17);
  const value = get(bytes, at, width, little);
  return value === undefined ? bytes : putAs(bytes, at, value + delta, { width, little });
}

/** Where one side of a comparison stands in the bytes, the other side put in its place. */
function compared(bytes, next, { pairs }) {
  if (pairs.length === 0) return bytes;
  const pair = pairs[next(pairs.length)];
  const side = next(2);
  const width = WIDTHS[next(4)];
  const little = next(4) > 0;
  const from = encoded(pair[side], width, little);
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(
    from,
    place(bytes, next),
  );
  if (at < 0) return bytes;
  return putAs(bytes, at, pair[1 - side] + BigInt(next(3) - 1), { width, little });
}

function token(bytes, next, { tokens }) {
  const text = tokens[next(tokens.length)];
  const at = place(bytes, next);
  if (next(2) === 0) return inserted(bytes, at, text);
  bytes.set(text.subarray(0, bytes.length - at), at);
  return bytes;
}

function remove(bytes, next) {
  const at = place(bytes, next);
  const end = at + 1 + next(1 << next(12));
  return joined(bytes.subarray(0, at), bytes.subarray(end));
}

function repeat(bytes, next) {
  const at = place(bytes, next);
  return inserted(bytes, at, bytes.slice(at, at + 1 + next(1 << next(10))));
}

function copy(bytes, next) {
  const from = place(bytes, next);
  const piece = bytes.slice(from, from + 1 + next(1 << next(12)));
  const to = place(bytes, next);
  bytes.set(piece.subarray(0, bytes.length - to), to);
  return bytes;
}

function splice(bytes, next, { other }) {
  const at = place(bytes, next);
  const from = next(4) === 0 ? place(other, next) : at;
  if (next(2) === 0) return joined(bytes.subarray(0, at), other.subarray(from));
  bytes.set(other.subarray(from, from + Math.min(bytes.length - at, 1 + next(4096))), at);
  return bytes;
}

function cut(bytes, next) {
  return next(8) === 0 ? bytes.slice(0, place(bytes, next)) : bytes;
}

/** Some offset; headers and tables stand at the start of blocks, so those come often. */
function place(bytes, next) {
  if (bytes.length === 0) return 0;
  switch (next(4)) {
    case 0:
      return next(Math.min(bytes.length, 512));
    case 1: {
      const blocks = Math.ceil(bytes.length / 4096);
      return Math.min(bytes.length - 1, next(blocks) * 4096 + next(512));
    }
    default:
      return next(bytes.length);
  }
}

function put(bytes, at, value, next) {
  return putAs(bytes, at, value, { width: WIDTHS[next(4)], little: next(4) > 0 });
}

function putAs(bytes, at, value, { width, little }) {
  bytes.set(encoded(value, width, little).subarray(0, bytes.length - at), at);
  return bytes;
}

function encoded(value, width, little) {
  const bytes = Buffer.alloc(8);
  if (little) bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  else bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return little ? bytes.subarray(0, width) : bytes.subarray(8 - width);
}

function get(bytes, at, width, little) {
  if (at + width > bytes.length) return undefined;
  let value = 0n;
  for (let i = 0; i < width; i++) {
    value = (value << 8n) | BigInt(bytes[at + (little ? width - 1 - i : i)]);
  }
  return value;
}

function inserted(bytes, at, piece) {
  return joined(bytes.subarray(0, at), piece, bytes.subarray(at));
}

function joined(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
