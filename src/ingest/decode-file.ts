// One file, decoded: the only place where everything a decode can throw becomes an outcome. A file
// that is part of a split dump brings the other parts with it; a packed one is unpacked first.

import { createReadStream } from 'node:fs';
import { type Failure, FileError, failureOf } from '../failure.ts';
import {
  type CrashReport,
  DEFAULT_LIMITS,
  type DecodeOptions,
  KnownKernels,
  type Limits,
  decodeVmcore,
  limitsWithin,
  openVmcore,
} from '../vmcore/index.ts';
import { type FileSource, fileSourceOf, openFileSource } from './file-source.ts';
import { type OpenPart, openSiblings } from './split-siblings.ts';
import { symbolFiles } from './symbol-paths.ts';
import { PACKING_HEAD, type Packing, packingOf, unpack } from './unpack.ts';

/** What became of a file. Plain data: it crosses threads. */
export type Outcome =
  | {
      readonly kind: 'decoded';
      readonly report: CrashReport;
      /** The files of a split dump, lowest pages first; empty for any other. */
      readonly parts: readonly string[];
    }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** It was written to while it was read: what was read is worth nothing. */
  | { readonly kind: 'changed' }
  /** It was pruned or renamed since it was found: no failure. */
  | { readonly kind: 'gone' };

export interface DecodeFileOptions {
  /** Directories with symbol files. */
  readonly symbolPaths: readonly string[];
  /** Whether the path was given by a person: links are followed then. */
  readonly followLinks?: boolean;
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
    source = openFileSource(path, options.followLinks === true);
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOENT') return { kind: 'gone' };
    return { kind: 'failed', failure: failureOf(error) };
  }
  try {
    const outcome = await decodeOpen(path, source, options).catch((error: unknown): Outcome => ({
      kind: 'failed',
      failure: failureOf(error),
    }));
    return source.currentVersion() === source.version ? outcome : { kind: 'changed' };
  } finally {
    source.close();
  }
}

async function decodeOpen(
  path: string,
  source: FileSource,
  options: DecodeFileOptions,
): Promise<Outcome> {
  const packing = packingOf(source.read(0, Math.min(PACKING_HEAD, source.size)));
  if (packing === undefined) return decodeParts(path, source, options);
  const file = await unpack(
    path,
    createReadStream('', { fd: source.fd, autoClose: false, start: 0 }),
    packing,
  );
  try {
    return decodeWith(options, (decodeOptions) => {
      const report = decodeVmcore(fileSourceOf(path, file.fd), decodeOptions);
      return { kind: 'decoded', report: packed(report, packing), parts: [] };
    });
  } finally {
    await file.close();
  }
}

function packed(report: CrashReport, packing: Packing): CrashReport {
  return { ...report, compression: [packing, ...report.compression] };
}

function decodeParts(path: string, source: FileSource, options: DecodeFileOptions): Outcome {
  const limits = limitsOf(options);
  const vmcore = openVmcore(source, limits);
  const { part } = vmcore.dump;
  const siblings =
    part === undefined ? [] : openSiblings(path, part, options.candidates ?? [], limits);
  try {
    return decodeWith(options, (decodeOptions) => {
      if (part === undefined || siblings.length === 0) {
        return { kind: 'decoded', report: decodeVmcore([vmcore], decodeOptions), parts: [] };
      }
      const all: OpenPart[] = [{ path, source, vmcore, part }, ...siblings];
      all.sort((a, b) => a.part.start - b.part.start || a.part.end - b.part.end);
      const vmcores = all.map((one) => one.vmcore);
      const parts = all.map((one) => one.path);
      return { kind: 'decoded', report: decodeVmcore(vmcores, decodeOptions), parts };
    });
  } finally {
    for (const sibling of siblings) sibling.source.close();
  }
}

/** Calls `decode` with the options of the decoder, and closes what symbol files it asked for. */
function decodeWith(
  options: DecodeFileOptions,
  decode: (options: DecodeOptions) => Outcome,
): Outcome {
  const { symbolPaths, askBtf } = options;
  const files = symbolFiles(symbolPaths);
  try {
    return decode({
      limits: limitsOf(options),
      knownKernels,
      askBtf: askBtf === true,
      symbolFiles: (kernel) => files.open(kernel),
    });
  } finally {
    files.close();
  }
}

function limitsOf({ maxMemoryBytes }: DecodeFileOptions): Limits {
  return maxMemoryBytes === undefined ? DEFAULT_LIMITS : limitsWithin(maxMemoryBytes);
}
