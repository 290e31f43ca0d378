// Decodes one file; the only place where everything that a decode can throw becomes an outcome. The other
// parts of a split dump are read with it; a packed file is unpacked first.

import { basename } from 'node:path';
import { type Failure, FileError, failureOf, isSystemError } from '../failure.ts';
import {
  type CrashReport,
  DEFAULT_LIMITS,
  type Dump,
  type Limits,
  PSTORE_HEAD_BYTES,
  ProcessCore,
  decodeVmcore,
  isPstore,
  limitsWithin,
  openVmcore,
} from '../vmcore/index.ts';
import {
  type FileSource,
  type RemoteFiles,
  fileSourceOf,
  isGone,
  openSource,
} from './file-source.ts';
import { withLogBeside } from './log-beside.ts';
import { type OpenPart, openSiblings } from './split-siblings.ts';
import { symbolFiles } from './symbol-paths.ts';
import { packingOf } from './packing.ts';
import { pstoreName } from './pstore-name.ts';
import type { TemporaryFile } from './temporary-file.ts';

/** The outcome of a file. Plain data, because it crosses threads. */
export type DecodeOutcome =
  | ReportOutcome
  | FailureOutcome
  | ProcessCoreOutcome
  /** The file was modified or replaced while it was read; what was read is discarded. */
  | { readonly kind: 'changed' }
  /** The file was pruned or renamed after it was found, which is not a failure. */
  | { readonly kind: 'gone' };

/** The file is a dump, complete or truncated, and was decoded. */
export interface ReportOutcome {
  readonly kind: 'report';
  readonly report: CrashReport;
  /** The files of a split dump, lowest pages first; otherwise empty. */
  readonly parts: readonly string[];
  /** Digest of the content; undefined if not requested. */
  readonly content: string | undefined;
}

/** The file should be a dump but gave no report. */
export interface FailureOutcome {
  readonly kind: 'failure';
  readonly failure: Failure;
  /** As in a report; also undefined if the file could not be read. */
  readonly content: string | undefined;
}

/** The core of a process, which is neither a kernel crash nor a failure. `failure` says what it is. */
export interface ProcessCoreOutcome {
  readonly kind: 'process_core';
  readonly failure: Failure;
}

/** Other sources that a decode may read, and its limits. */
export interface DecodeFileOptions {
  /** Directories with symbol files. */
  readonly symbolPaths: readonly string[];
  /** The directory that must contain the file; undefined: symbolic links may lead anywhere. */
  readonly root?: string;
  /** versionOf() when the file was found; undefined: any version. */
  readonly version?: string;
  /** Paths outside its own directory that may be other parts of a split dump. */
  readonly candidates?: readonly string[];
  /** The file is in no directory, so there are no other parts and no log beside it. */
  readonly isAlone?: boolean;
  readonly askBtf?: boolean;
  /** Makes the digest of the content; undefined if none is needed. */
  readonly contentOf?: (source: FileSource) => string;
  /** Limit of the decoder's memory, bytes. */
  readonly maxMemoryBytes?: number;
  /** Reads objects behind URLs; undefined: a URL is treated as the path of a file. */
  readonly remote?: RemoteFiles | undefined;
}

/**
 * Decodes a file, together with the other parts if it is one of a split dump. Never rejects: anything thrown
 * becomes a failure.
 */
export async function decodeFile(path: string, options: DecodeFileOptions): Promise<DecodeOutcome> {
  let source: FileSource;
  try {
    source = openSource(path, options.root, options.remote);
  } catch (error) {
    if (error instanceof FileError && isGone(error)) return { kind: 'gone' };
    return failed(error);
  }
  try {
    if (options.version !== undefined && source.version !== options.version) {
      return { kind: 'changed' };
    }
    const outcome = await decodeOpen(path, source, options);
    return source.currentVersion() === source.version ? outcome : { kind: 'changed' };
  } catch (error) {
    return failed(error);
  } finally {
    source.close();
  }
}

/**
 * Decodes the content of a stream through a temporary file. Like decodeFile(), it never rejects.
 *
 * @param name the name of the stream in messages.
 */
export async function decodeStream(
  name: string,
  stream: AsyncIterable<Uint8Array>,
  options: DecodeFileOptions,
): Promise<DecodeOutcome> {
  const temporary = await import('./temporary-file.ts');
  let file: TemporaryFile | undefined;
  try {
    file = await temporary.TemporaryFile.create();
    for await (const chunk of stream) await file.append(chunk, name);
    const source = fileSourceOf(name, file.file.fd);
    return await decodeOpen(name, source, { ...options, isAlone: true });
  } catch (error) {
    return failed(isSystemError(error) ? FileError.from(name, error) : error);
  } finally {
    await file?.close();
  }
}

function failed(error: unknown, content?: string): FailureOutcome | ProcessCoreOutcome {
  const failure = failureOf(error);
  if (error instanceof ProcessCore) return { kind: 'process_core', failure };
  return { kind: 'failure', failure, content };
}

async function decodeOpen(
  path: string,
  source: FileSource,
  options: DecodeFileOptions,
): Promise<ReportOutcome | FailureOutcome | ProcessCoreOutcome> {
  let content: string | undefined;
  try {
    content = options.contentOf?.(source);
    const { report, parts } = await decodeContent(path, source, options);
    const whole = options.isAlone === true ? report : withLogBeside(report, path, options);
    return { kind: 'report', content, report: whole, parts };
  } catch (error) {
    return failed(error, content);
  }
}

type Decoded = Pick<ReportOutcome, 'report' | 'parts'>;

async function decodeContent(
  path: string,
  source: FileSource,
  options: DecodeFileOptions,
): Promise<Decoded> {
  const head = source.read(0, Math.min(PSTORE_HEAD_BYTES, source.size));
  if (isPstore(head) || pstoreName(basename(path))?.isCompressed === true) {
    const { decodePstore } = await import('./pstore.ts');
    return { report: decodePstore(path, source, options.root), parts: [] };
  }
  const packing = packingOf(head);
  if (packing === undefined) return decodeParts(path, source, options);
  const { unpack } = await import('./unpack.ts');
  const { file, isCut } = await unpack(path, (length) => source.stream(length), packing);
  try {
    const dump = openVmcore(fileSourceOf(path, file.fd), limitsOf(options));
    const report = decode([dump], options);
    const compression = [packing, ...report.compression];
    const incomplete = report.incomplete || isCut;
    return { report: { ...report, compression, incomplete }, parts: [] };
  } finally {
    await file.close();
  }
}

function decodeParts(path: string, source: FileSource, options: DecodeFileOptions): Decoded {
  const { candidates = [], root, remote } = options;
  const limits = limitsOf(options);
  const dump = openVmcore(source, limits);
  const { part } = dump;
  const where = { candidates, root, limits, remote };
  const hasNone = part === undefined || options.isAlone === true;
  const siblings = hasNone ? [] : openSiblings(path, part, where);
  try {
    if (part === undefined || siblings.length === 0) {
      return { report: decode([dump], options), parts: [] };
    }
    const all: OpenPart[] = [{ path, source, dump, part }, ...siblings];
    all.sort((a, b) => a.part.start - b.part.start || a.part.end - b.part.end);
    const report = decode(
      all.map((one) => one.dump),
      options,
    );
    return { report, parts: all.map((one) => one.path) };
  } finally {
    for (const sibling of siblings) sibling.source.close();
  }
}

/** @throws anything that decodeVmcore() throws. */
function decode(dumps: readonly Dump[], options: DecodeFileOptions): CrashReport {
  const files = symbolFiles(options.symbolPaths);
  try {
    return decodeVmcore(dumps, {
      limits: limitsOf(options),
      askBtf: options.askBtf === true,
      symbolFiles: (kernel) => files.open(kernel),
    });
  } finally {
    files.close();
  }
}

function limitsOf({ maxMemoryBytes }: DecodeFileOptions): Limits {
  return maxMemoryBytes === undefined ? DEFAULT_LIMITS : limitsWithin(maxMemoryBytes);
}
