// The arguments of `decode`: files, directories, standard input.

import { statSync } from 'node:fs';
import {
  type DecodeFileOptions,
  type DecodeOutcome,
  decodeFile,
  decodeStream,
} from '../decode/decode-file.ts';
import type { FileError } from '../failure.ts';

/** Standard input; a file of that name is given as `./-`. */
const STANDARD_INPUT = '-';

/** A dump to decode. */
interface DumpArgument {
  /** As given, or below a given directory. */
  readonly path: string;
  /** Whether it was found in a directory. A process core is then skipped without a failure. */
  readonly isFound: boolean;
  readonly decode: (options: DecodeFileOptions) => Promise<DecodeOutcome>;
}

/** A path that cannot be read. */
interface Unreadable {
  readonly path: string;
  readonly error: FileError;
}

/** The dumps that the arguments of `decode` name. */
export interface DumpArguments {
  readonly dumps: readonly DumpArgument[];
  readonly unreadable: readonly Unreadable[];
  /** Directories without a dump. */
  readonly empty: readonly string[];
}

/**
 * Finds the dumps named on the command line; those of a directory are sorted by name and selected as the
 * daemon does.
 *
 * @param excluded globs of paths to ignore in directories.
 */
export async function dumpArguments(
  given: readonly string[],
  excluded: readonly string[],
): Promise<DumpArguments> {
  const dumps: DumpArgument[] = [];
  const unreadable: Unreadable[] = [];
  const empty: string[] = [];
  for (const path of given) {
    if (path === STANDARD_INPUT) {
      dumps.push({ path, isFound: false, decode: decodeStandardInput });
    } else if (!isDirectory(path)) {
      dumps.push({ path, isFound: false, decode: (options) => decodeFile(path, options) });
    } else {
      const found = await dumpsIn(path, excluded);
      dumps.push(...found.dumps);
      unreadable.push(...found.unreadable);
      if (found.dumps.length + found.unreadable.length === 0) empty.push(path);
    }
  }
  return { dumps, unreadable, empty };
}

/** False if the path cannot be examined: decoding it then reports the error. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function decodeStandardInput(options: DecodeFileOptions): Promise<DecodeOutcome> {
  return decodeStream('standard input', process.stdin, options);
}

async function dumpsIn(
  root: string,
  excluded: readonly string[],
): Promise<Pick<DumpArguments, 'dumps' | 'unreadable'>> {
  const { look } = await import('./look.ts');
  const { files, unreadable } = await look(root, excluded);
  const paths = files.map(({ path }) => path).sort();
  return {
    dumps: paths.map((path) => ({
      path,
      isFound: true,
      decode: (options) => decodeFile(path, { ...options, root }),
    })),
    unreadable,
  };
}
