// From the first bytes of a file to the container that reads it. A format is recognised by its
// magic, never by the file's name; what is recognised and not read is named with what to do.

import type { ByteSource } from '../bytes/source.ts';
import { hasBytesAt } from '../bytes/text.ts';
import { type WrittenPart, isZero, writtenPart } from '../bytes/unwritten.ts';
import { BadMagic, Corrupt, Unsupported } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { ContainedDump, Dump } from './dump.ts';
import { openElfCore } from './elf-core.ts';
import { ELF_MAGIC, isElf } from '../elf/elf-header.ts';
import { FLATTENED_MAGIC, flattened, isFlattened } from './flattened.ts';
import { KDUMP_MAGIC, isKdump } from './kdump-header.ts';
import { openKdump } from './kdump.ts';
import type { PageHook } from '../memory/physical-memory.ts';
import { FOREIGN_MAGICS, foreignFormat } from './foreign-format.ts';

/** The bytes of a file that show its format. */
export const HEAD_BYTES = 4096;
const MAGICS: readonly Uint8Array[] = [FLATTENED_MAGIC, KDUMP_MAGIC, ELF_MAGIC, ...FOREIGN_MAGICS];
/** Zeros at the end of a stream that ended: what wrote it may have filled up a block. */
const STREAM_ZEROS = 4096;
/** Zeros at the end of any file that mean nothing. */
const FOREIGN_ZEROS = 512;
/** No magic is longer, and no dump as short. */
export const MAGIC_BYTES = Math.max(...MAGICS.map(({ length }) => length));

/**
 * The dump in a file.
 *
 * @throws BadMagic for a file of another kind, Unsupported for a known dump that is not read here,
 *   Corrupt or LimitExceeded for a broken header.
 */
export function openDump(source: ByteSource, limits: Limits, onPage?: PageHook): Dump {
  if (!isFlattened(headOf(source))) {
    return { ...openContainer(source, limits, onPage), flattened: false };
  }
  // Behind its end record a stream may be filled up, as on a disk of its own.
  const whole = flattened(source, limits);
  const written: WrittenPart = whole.ended
    ? source
    : writtenPart(source, STREAM_ZEROS, whole.lastRecord);
  const stream = written === source ? whole : flattened(written, limits);
  if (!stream.holds(0, MAGIC_BYTES)) {
    const detail = 'breaks off before the record with the first bytes of a dump';
    throw new Corrupt('truncated', 'flattened stream', detail);
  }
  const dump = openContainer(stream, limits, onPage);
  const incomplete = dump.incomplete || !stream.ended;
  const { unwritten = written.unwritten } = dump;
  return { ...dump, flattened: true, incomplete, ...(unwritten !== undefined && { unwritten }) };
}

/** Whether a file that begins so may be a dump, of a format that is read here or not. */
export function mayBeDump(head: Uint8Array): boolean {
  return isFlattened(head) || isKdump(head) || isElf(head) || foreignFormat(head) !== undefined;
}

function openContainer(source: ByteSource, limits: Limits, onPage?: PageHook): ContainedDump {
  const head = headOf(source);
  if (source.size === 0) throw new Corrupt('truncated', 'file', 'is an empty file');
  if (isKdump(head)) return openKdump(source, limits, onPage);
  if (isElf(head)) return openElfCore(source, limits);
  const foreign = foreignFormat(head);
  if (foreign !== undefined) throw new Unsupported(foreign.reason, 'file', foreign.advice);
  const written = headOf(writtenPart(source, FOREIGN_ZEROS));
  if (written.length === 0) {
    throw new Corrupt('truncated', 'file', 'has nothing but zeros: a copy that never arrived');
  }
  if (head.length === HEAD_BYTES && isZero(head)) {
    throw new Corrupt('truncated', 'file', 'begins with zeros, as where it was never written');
  }
  if (isCutInMagic(written)) {
    const detail = `ends after ${written.length} bytes, inside the magic number of a dump or an archive`;
    throw new Corrupt('truncated', 'file', detail);
  }
  throw new BadMagic('file', 'is no kernel dump: it begins neither as KDUMP nor as ELF');
}

/** Whether the file is but the first bytes of some magic number. */
function isCutInMagic(head: Uint8Array): boolean {
  return MAGICS.some((magic) => head.length < magic.length && hasBytesAt(magic, 0, head));
}

function headOf(source: ByteSource): Uint8Array {
  return source.read(0, Math.min(HEAD_BYTES, source.size));
}
