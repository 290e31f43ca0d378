// Selects the container by the first bytes of a file. A format is recognised by its magic, never by the file's
// name; for a known but unsupported format the error says what to do.

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

/** Number of bytes that identify a format. */
export const HEAD_BYTES = 4096;
const MAGICS: readonly Uint8Array[] = [FLATTENED_MAGIC, KDUMP_MAGIC, ELF_MAGIC, ...FOREIGN_MAGICS];
/** Maximum zeros at the end of a complete stream, bytes: its writer may have padded a block. */
const STREAM_ZEROS = 4096;
/** Maximum zeros at the end of any file that are ignored, bytes. */
const FOREIGN_ZEROS = 512;
/** Longer than any magic, shorter than any dump. */
export const MAGIC_BYTES = Math.max(...MAGICS.map(({ length }) => length));

/**
 * Opens the dump in a file.
 *
 * @throws BadMagic for another type of file, Unsupported for a known but unsupported format,
 *   Corrupt or LimitExceeded for a broken header.
 */
export function openDump(source: ByteSource, limits: Limits, onPage?: PageHook): Dump {
  if (!isFlattened(headOf(source))) {
    return { ...openContainer(source, limits, onPage), flattened: false };
  }
  // A stream may be padded after its end record, for example on a raw disk.
  const whole = flattened(source, limits);
  const written: WrittenPart = whole.ended
    ? source
    : writtenPart(source, STREAM_ZEROS, whole.lastRecord);
  const stream = written === source ? whole : flattened(written, limits);
  if (!stream.contains(0, MAGIC_BYTES)) {
    const detail = 'breaks off before the record with the first bytes of a dump';
    throw new Corrupt('truncated', 'flattened stream', detail);
  }
  const dump = openContainer(stream, limits, onPage);
  const incomplete = dump.incomplete || !stream.ended;
  const { unwritten = written.unwritten } = dump;
  return { ...dump, flattened: true, incomplete, ...(unwritten !== undefined && { unwritten }) };
}

/** Whether a file with these first bytes may be a dump, in a supported format or not. */
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

/** Whether the file consists only of the first bytes of a magic number. */
function isCutInMagic(head: Uint8Array): boolean {
  return MAGICS.some((magic) => head.length < magic.length && hasBytesAt(magic, 0, head));
}

function headOf(source: ByteSource): Uint8Array {
  return source.read(0, Math.min(HEAD_BYTES, source.size));
}
