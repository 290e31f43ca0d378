// A panic without a dump, whose log pstore kept. Decoding one part reads the others of its record too.

import { readdirSync, statSync, statfsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { inflateRawSync, inflateSync } from 'node:zlib';
import { FileError } from '../failure.ts';
import { systemPath } from '../file-path.ts';
import {
  type CrashReport,
  type PstorePart,
  VmcoreError,
  isPstore,
  joinedParts,
  logFindings,
  panicParts,
  readLogText,
} from '../vmcore/index.ts';
import { type FileSource, openFileSource } from './file-source.ts';
import { type PstoreName, pstoreName } from './pstore-name.ts';

/** Maximum time between the writes of two parts of one crash. */
const NEAR_SECONDS = 60;
const MAX_BYTES = 4 << 20;
const MAX_PARTS = 1000;
/** Text does not contain the page size; this is that of most machines. */
const PAGE_BYTES = 4096;
/** include/uapi/linux/magic.h PSTOREFS_MAGIC. */
const PSTOREFS_MAGIC = 0x6165676c;

/**
 * Decodes the record that contains this file.
 *
 * @param root the directory that must contain the other parts; undefined: that of the file.
 * @throws FileError `not_a_dump` if the record is not of a panic, `unsupported_compression` if it is compressed
 *   with anything but deflate.
 */
export function decodePstore(path: string, source: FileSource, root?: string): CrashReport {
  const own = panicParts(contentOf(path, source));
  const [first] = own;
  if (first === undefined) throw new FileError('not_a_dump', `${path}: is of no panic`);
  const parts = withOthers(path, own, first.record, root ?? dirname(path));
  const { text, isIncomplete } = joinedParts(parts);
  const { records, truncated } = readLogText(text);
  const findings = logFindings({ source: 'text', records, truncated }, { pageSize: PAGE_BYTES });
  const seconds = timeOf(path);
  return {
    ...{ container: 'pstore', flattened: false, compression: [], arch: 'unknown' },
    kernelRelease: releaseIn(text) ?? 'unknown',
    ...{ buildId: null, nodename: null, bootId: null },
    crashTimeSeconds: seconds,
    incomplete: isIncomplete,
    ...{ vmcoreinfo: null, symbolSource: null, layoutSource: null },
    hwerr: { kind: 'absent', reason: 'pstore' },
    panicMessage: findings.crash?.panic ?? null,
    ...findings,
    warnings: [],
    // Without timestamps two crashes may have the same text.
    vmcoreinfoLines: findings.log.firstTime === null ? `${text}\0${seconds ?? path}` : text,
  };
}

/** Returns the parts of a record in a directory; only the file's own if two files claim the same part. */
function withOthers(
  path: string,
  own: readonly PstorePart[],
  record: string,
  root: string,
): readonly PstorePart[] {
  const name = pstoreName(basename(path));
  if (name === undefined) return own;
  const all = new Map(own.map((part) => [part.number, part]));
  for (const other of namesBeside(path)) {
    const its = pstoreName(other);
    if (its?.backend !== name.backend || !isNear(name, its)) continue;
    for (const part of partsOf(join(dirname(path), other), root)) {
      if (part.record !== record) continue;
      if ((all.get(part.number) ?? part).text !== part.text) return own;
      all.set(part.number, part);
    }
  }
  return [...all.values()];
}

function namesBeside(path: string): readonly string[] {
  try {
    return readdirSync(systemPath(dirname(path)))
      .filter((name) => name !== basename(path) && pstoreName(name) !== undefined)
      .slice(0, MAX_PARTS);
  } catch {
    return [];
  }
}

/** Returns no parts if the file cannot be read: it is then missing, but this file is not at fault. */
function partsOf(path: string, root: string): readonly PstorePart[] {
  let source: FileSource | undefined;
  try {
    source = openFileSource(path, root);
    return panicParts(contentOf(path, source));
  } catch (error) {
    if (error instanceof FileError || error instanceof VmcoreError) return [];
    throw error;
  } finally {
    source?.close();
  }
}

/** @throws FileError. */
function contentOf(path: string, source: FileSource): string {
  if (source.size > MAX_BYTES) throw new FileError('not_a_dump', `${path}: is too large`);
  const bytes = source.read(0, source.size);
  const isCompressed = pstoreName(basename(path))?.isCompressed === true && !isPstore(bytes);
  return new TextDecoder().decode(isCompressed ? inflated(path, bytes) : bytes);
}

/** Decompresses a file named `.enc.z`, which the kernel could not decompress itself. */
function inflated(path: string, bytes: Uint8Array): Uint8Array {
  for (const inflate of [inflateRawSync, inflateSync]) {
    try {
      return inflate(bytes, { maxOutputLength: MAX_BYTES });
    } catch {
      continue;
    }
  }
  throw new FileError('unsupported_compression', `${path}: is no deflate data`);
}

/**
 * Decodes the number of a record, which efi-pstore.c builds from the time, two digits of the part and three
 * of the count.
 *
 * @returns Unix seconds; undefined for other backends, whose numbers contain no time.
 */
function efiSeconds({ backend, id }: PstoreName): number | undefined {
  return backend.startsWith('efi') && id.length > 5 ? Number(id.slice(0, -5)) : undefined;
}

function isNear(one: PstoreName, other: PstoreName): boolean {
  const [a, b] = [efiSeconds(one), efiSeconds(other)];
  return a === undefined || b === undefined || Math.abs(a - b) <= NEAR_SECONDS;
}

/** Returns the time of the crash, Unix seconds; null if neither name nor file has it. */
function timeOf(path: string): number | null {
  const name = pstoreName(basename(path));
  const byName = name && efiSeconds(name);
  if (byName !== undefined) return byName;
  // systemd-pstore names the directory of a joined record by the same time.
  const directory = /\/(\d{10})(?:\/\d{3})?\/dmesg\.txt$/.exec(path)?.[1];
  if (directory !== undefined) return Number(directory);
  try {
    if (statfsSync(systemPath(path)).type !== PSTOREFS_MAGIC) return null;
    return Math.floor(statSync(systemPath(path)).mtimeMs / 1000);
  } catch {
    return null;
  }
}

const RELEASE =
  /(?: Not tainted|Tainted: [A-Z -]{1,64}) (\d{1,3}\.\d{1,5}\.?\S{0,60}) #|\] Linux version (\d\S{2,60}) /;

function releaseIn(text: string): string | undefined {
  const found = RELEASE.exec(text);
  return found?.[1] ?? found?.[2];
}
