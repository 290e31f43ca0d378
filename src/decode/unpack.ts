// Unpacks dumps that were compressed after they were written (Debian's KDUMP_COMPRESSION) into an unnamed
// temporary file, because decoding needs random access and these formats are sequential. Not supported: bzip2
// and lz4, for which npm has no well-maintained streaming decoder.

import type { FileHandle } from 'node:fs/promises';
import { Readable, type Transform } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import zlib from 'node:zlib';
import { FileError, errorCode, isSystemError, messageOf } from '../failure.ts';
import type { Packing } from './packing.ts';
import { TemporaryFile } from './temporary-file.ts';

/** A run of zeros, which a packed file does not contain: its copy is incomplete there. */
const HOLE = Buffer.alloc(512);

/** The content of a packed file; the caller closes `file`. */
export interface Unpacked {
  /** Open and already unlinked: closing it frees its space. */
  readonly file: FileHandle;
  /** The packed file ends early or is damaged from some point on; the content is what precedes that. */
  readonly isCut: boolean;
}

/**
 * Unpacks a file.
 *
 * @param packed returns its bytes from the start; only `length` of them if that is given.
 * @throws FileError if the stream is broken (`corrupt`), ends before anything could be unpacked (`truncated`),
 *   needs what these decoders lack (`unsupported_compression`), exceeds the size of a temporary file
 *   (`limit_exceeded`), or the file or the temporary directory cannot be used (`io`, `permission`).
 */
export async function unpack(
  path: string,
  packed: (length?: number) => Readable,
  packing: Packing,
): Promise<Unpacked> {
  const hole: Hole = { at: undefined };
  try {
    const whole = await contentOf(path, watched(packed(), hole), packing);
    if (!whole.isCut || hole.at === undefined) return whole;
    await whole.file.close();
  } catch (error) {
    if (hole.at === undefined || !isBroken(error)) throw error;
  }
  // Decoders take zeros for valid codes, and deflate is verified only at its end: some of the content is wrong.
  return contentOf(path, packed(hole.at), packing);
}

/** Offset of the first hole in a packed file; undefined: none. */
interface Hole {
  at: number | undefined;
}

/** Passes the bytes on and records the first hole. */
async function* watched(packed: Readable, hole: Hole): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of packed as AsyncIterable<Uint8Array>) {
    const at = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).indexOf(HOLE);
    if (at >= 0) hole.at ??= done + at;
    yield chunk;
    done += chunk.length;
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof FileError && ['corrupt', 'truncated'].includes(error.reason);
}

async function contentOf(
  path: string,
  packed: AsyncIterable<Uint8Array>,
  packing: Packing,
): Promise<Unpacked> {
  const content = await TemporaryFile.create();
  try {
    const stream = await unpacked(Readable.from(packed), packing);
    const isCut = await fill(content, stream, `${path}: unpacking ${packing}`);
    return { file: content.file, isCut };
  } catch (error) {
    await content.close();
    throw unpackError(path, packing, error);
  }
}

/** @returns whether the stream ended early, after some content was appended. */
async function fill(content: TemporaryFile, stream: Readable, what: string): Promise<boolean> {
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      await content.append(chunk, what);
    }
    return false;
  } catch (error) {
    if (error instanceof FileError) throw error;
    if (reasonOf(error) !== 'truncated' && !isNoMember(error)) throw error;
    // After an error the stream still has buffered content.
    for (let ready = readyIn(stream); ready !== null; ready = readyIn(stream)) {
      await content.append(ready, what);
    }
    if (content.length === 0) throw error;
    return true;
  }
}

/** Whether other data follows a complete member. The members before it passed their checks. */
function isNoMember(error: unknown): boolean {
  return /^incorrect header check$|error code 5$/.test(messageOf(error)); // of zlib; XZ_FORMAT_ERROR
}

function readyIn(stream: Readable): Uint8Array | null {
  return stream.read() as Uint8Array | null;
}

function unpackError(path: string, packing: Packing, error: unknown): FileError {
  if (error instanceof FileError) return error;
  if (isSystemError(error)) return FileError.from(path, error);
  const code = errorCode(error);
  const reason = reasonOf(error);
  const what = reason === 'unsupported_compression' ? ADVICE[packing] : `broken ${packing}`;
  return new FileError(reason, `${path}: ${what}: ${messageOf(error)}`, code, error);
}

/** Options of packers that the decoders here do not support, and what to do. */
const ADVICE: Readonly<Record<Packing, string>> = {
  gzip: 'gzip of an unknown kind, want it unpacked: gunzip FILE',
  xz: 'xz with sha256, BCJ or a dictionary over 64 MiB, want it unpacked: unxz FILE',
  zstd: 'zstd with a window over 128 MiB, want it unpacked: zstd -d --long=31 FILE',
};

/** Looks at the code of zlib or zstd, or at xz-embedded's number in the message. */
function reasonOf(error: unknown): 'truncated' | 'unsupported_compression' | 'corrupt' {
  const code = errorCode(error) ?? /error code (\d+)$/.exec(messageOf(error))?.[1];
  return REASONS.get(code) ?? 'corrupt';
}

const REASONS: ReadonlyMap<string | undefined, 'truncated' | 'unsupported_compression'> = new Map([
  ['Z_BUF_ERROR', 'truncated'],
  ['ZSTD_error_frameParameter_windowTooLarge', 'unsupported_compression'],
  ['2', 'unsupported_compression'], // XZ_UNSUPPORTED_CHECK
  ['4', 'unsupported_compression'], // XZ_MEMLIMIT_ERROR: the dictionary
  ['6', 'unsupported_compression'], // XZ_OPTIONS_ERROR: filters, checks
  ['8', 'truncated'], // XZ_BUF_ERROR
]);

async function unpacked(packed: Readable, packing: Packing): Promise<Readable> {
  switch (packing) {
    case 'gzip':
      return through(packed, zlib.createGunzip());
    case 'xz': {
      const { default: xz } = await import('xz-decompress'); // takes 10 ms, which few dumps need
      const web = Readable.toWeb(packed) as ConstructorParameters<typeof xz.XzReadableStream>[0];
      return Readable.fromWeb(new xz.XzReadableStream(web) as ReadableStream);
    }
    case 'zstd':
      return through(packed, zlib.createZstdDecompress());
  }
}

/** Pipes the source into the transform, which gets the source's errors too. */
function through(packed: Readable, transform: Transform): Transform {
  packed.on('error', (error) => transform.destroy(error));
  return packed.pipe(transform);
}
