// One file, decoded: the only place where everything a decode can throw becomes an outcome. A file
// that is part of a split dump brings the other parts with it; a packed one is unpacked first.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Failure, FileError, failureOf } from '../failure.ts';
import {
  type CrashReport,
  DEFAULT_LIMITS,
  type DecodeOptions,
  type IdentifiedCrash,
  KnownKernels,
  type Limits,
  type Vmcore,
  VmcoreError,
  decodeVmcore,
  identifyCrash,
  limitsWithin,
  openVmcore,
} from '../vmcore/index.ts';
import { type FileSource, fileSourceOf, isGone, openFileSource } from './file-source.ts';
import { type OpenPart, openSiblings } from './split-siblings.ts';
import { symbolFiles } from './symbol-paths.ts';
import { PACKING_HEAD, type Packing, packingOf, unpack } from './unpack.ts';

/** What became of a file. Plain data: it crosses threads. */
export type Outcome =
  | DecodedOutcome
  | FailedOutcome
  /** It was written to while it was read, or is another file now: what was read is worth nothing. */
  | { readonly kind: 'changed' }
  /** It was pruned or renamed since it was found: no failure. */
  | { readonly kind: 'gone' };

export interface DecodedOutcome {
  readonly kind: 'decoded';
  readonly report: CrashReport;
  /** The files of a split dump, lowest pages first; empty for any other. */
  readonly parts: readonly string[];
  /** As contentDigest() says. */
  readonly content: string;
}

export interface FailedOutcome {
  readonly kind: 'failed';
  readonly failure: Failure;
  /** The crash, where the file says at least that. */
  readonly crash?: IdentifiedCrash;
  /** As contentDigest() says; undefined when the file could not be read. */
  readonly content?: string;
}

export interface DecodeFileOptions {
  /** Directories with symbol files. */
  readonly symbolPaths: readonly string[];
  /** The directory that the file must be in; undefined: links are followed wherever they lead. */
  readonly root?: string;
  /** versionOf() when it was found; undefined: whichever state it is in. */
  readonly version?: string;
  /** Where other parts of a split dump may be, beside its own directory. */
  readonly candidates?: readonly string[];
  readonly askBtf?: boolean;
  /** What the decoder may take of memory. */
  readonly maxMemoryBytes?: number;
}

/** Kernels met by this thread. */
const knownKernels = new KnownKernels();

export async function decodeFile(path: string, options: DecodeFileOptions): Promise<Outcome> {
  let source: FileSource;
  try {
    source = openFileSource(path, options.root);
  } catch (error) {
    if (error instanceof FileError && isGone(error)) return { kind: 'gone' };
    return { kind: 'failed', failure: failureOf(error) };
  }
  try {
    if (options.version !== undefined && source.version !== options.version) {
      return { kind: 'changed' };
    }
    const outcome = await decodeOpen(path, source, options);
    return source.currentVersion() === source.version ? outcome : { kind: 'changed' };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error) };
  } finally {
    source.close();
  }
}

async function decodeOpen(
  path: string,
  source: FileSource,
  options: DecodeFileOptions,
): Promise<DecodedOutcome | FailedOutcome> {
  let content: string | undefined;
  try {
    content = contentDigest(source);
    return { kind: 'decoded', content, ...(await decodeContent(path, source, options)) };
  } catch (error) {
    const cause = error instanceof Uncounted ? error.cause : error;
    return {
      kind: 'failed',
      failure: failureOf(cause),
      ...(error instanceof Uncounted && { crash: error.crash }),
      ...(content !== undefined && { content }),
    };
  }
}

const SAMPLE_BYTES = 64 * 1024;

/**
 * Tells contents apart as far as counting failures needs: by size, head, which holds the time of the
 * crash, and tail. A copy has the same, wherever it lies.
 */
function contentDigest(source: FileSource): string {
  const length = Math.min(SAMPLE_BYTES, source.size);
  return createHash('sha256')
    .update(`${source.size}\0`)
    .update(source.read(0, length))
    .update(source.read(source.size - length, length))
    .digest('hex');
}

type Decoded = Pick<DecodedOutcome, 'report' | 'parts'>;

async function decodeContent(
  path: string,
  source: FileSource,
  options: DecodeFileOptions,
): Promise<Decoded> {
  const packing = packingOf(source.read(0, Math.min(PACKING_HEAD, source.size)));
  if (packing === undefined) return decodeParts(path, source, options);
  const file = await unpack(
    path,
    createReadStream('', { fd: source.fd, autoClose: false, start: 0 }),
    packing,
  );
  try {
    const vmcore = openVmcore(fileSourceOf(path, file.fd), limitsOf(options));
    const report = decode([vmcore], options);
    return { report: packed(report, packing), parts: [] };
  } catch (error) {
    if (!(error instanceof Uncounted)) throw error;
    throw new Uncounted(packed(error.crash, packing), error.cause);
  } finally {
    await file.close();
  }
}

function packed<Crash extends IdentifiedCrash>(crash: Crash, packing: Packing): Crash {
  return { ...crash, compression: [packing, ...crash.compression] };
}

function decodeParts(path: string, source: FileSource, options: DecodeFileOptions): Decoded {
  const { candidates = [], root } = options;
  const limits = limitsOf(options);
  const vmcore = openVmcore(source, limits);
  const { part } = vmcore.dump;
  const where = { candidates, root, limits };
  const siblings = part === undefined ? [] : openSiblings(path, part, where);
  try {
    if (part === undefined || siblings.length === 0) {
      return { report: decode([vmcore], options), parts: [] };
    }
    const all: OpenPart[] = [{ path, source, vmcore, part }, ...siblings];
    all.sort((a, b) => a.part.start - b.part.start || a.part.end - b.part.end);
    const report = decode(
      all.map((one) => one.vmcore),
      options,
    );
    return { report, parts: all.map((one) => one.path) };
  } finally {
    for (const sibling of siblings) sibling.source.close();
  }
}

/** A crash whose counters could not be read. */
class Uncounted extends Error {
  readonly crash: IdentifiedCrash;
  override readonly cause: VmcoreError;

  constructor(crash: IdentifiedCrash, cause: VmcoreError) {
    super(cause.message, { cause });
    this.crash = crash;
    this.cause = cause;
  }
}

/** @throws Uncounted, or whatever decodeVmcore() throws when the crash cannot be identified. */
function decode(vmcores: readonly Vmcore[], options: DecodeFileOptions): CrashReport {
  const limits = limitsOf(options);
  const files = symbolFiles(options.symbolPaths);
  const decodeOptions: DecodeOptions = {
    limits,
    knownKernels,
    askBtf: options.askBtf === true,
    symbolFiles: (kernel) => files.open(kernel),
  };
  try {
    return decodeVmcore(vmcores, decodeOptions);
  } catch (error) {
    const crash = error instanceof VmcoreError ? identified(vmcores, limits) : undefined;
    if (crash === undefined || !(error instanceof VmcoreError)) throw error;
    throw new Uncounted(crash, error);
  } finally {
    files.close();
  }
}

/** @returns undefined where the dump does not say. */
function identified(vmcores: readonly Vmcore[], limits: Limits): IdentifiedCrash | undefined {
  try {
    return identifyCrash(vmcores, limits);
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

function limitsOf({ maxMemoryBytes }: DecodeFileOptions): Limits {
  return maxMemoryBytes === undefined ? DEFAULT_LIMITS : limitsWithin(maxMemoryBytes);
}
