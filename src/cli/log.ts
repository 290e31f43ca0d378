// hwerr-exporter log FILE|-: the hardware errors in a kernel's log, and what it died of.

import { createReadStream } from 'node:fs';
import { ConfigError } from '../config.ts';
import { FileError } from '../failure.ts';
import { jsonText } from '../text.ts';
import { logFindings, readLogText } from '../vmcore/index.ts';
import { logReport } from './log-report.ts';

/** Output format of `log`, and the page size of the machine that wrote the log. */
export interface LogCommandOptions {
  readonly json: boolean;
  /** As given, for example `64KiB`. */
  readonly pageSize: string;
}

/** About two million lines, more than the log of one boot. */
const MAX_BYTES = 256 << 20;
/** Byte order marks: PowerShell writes UTF-16 where the output of a command goes to a file. */
const UTF16: ReadonlyMap<string, string> = new Map([
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
]);
/** Characters at the beginning that show whether it is text; a console may have added some that are not. */
const SAMPLE = 65_536;
// eslint-disable-next-line no-control-regex -- these are what text does not have
const NOT_TEXT = /[\x01-\x06\x0e-\x1a\x1c\x1d\x1f\ufffd]/g;
/** One in so many. */
const MOST_UNREADABLE = 10;
/** Page sizes of Linux: 4 KiB; 16 and 64 KiB on arm64, ppc64 and loongarch; 8 KiB on alpha and sparc. */
const PAGE_SIZE = /^(4|8|16|32|64|256)KiB$/;

/**
 * Prints the hardware errors in a log and the crash that ends it.
 *
 * @param file its path, or `-` for standard input.
 * @param print writes to standard output.
 * @throws ConfigError if the page size is invalid, FileError if the file cannot be read or is not text, Corrupt
 *   if it is broken JSON.
 */
export async function logCommand(
  file: string,
  { json, pageSize }: LogCommandOptions,
  print: (text: string) => void,
): Promise<void> {
  const pages = { pageSize: parsePageSize(pageSize) };
  const { format, records, truncated } = readLogText(await readText(file));
  const report = { file, ...logFindings({ source: format, records, truncated }, pages) };
  print(json ? `${jsonText(report)}\n` : logReport(report));
}

function parsePageSize(text: string): number {
  const kibibytes = PAGE_SIZE.exec(text)?.[1];
  if (kibibytes === undefined) {
    throw new ConfigError(`--page-size: got ${text}, want a page size such as 4KiB or 64KiB`);
  }
  return Number(kibibytes) * 1024;
}

async function readText(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    const stream: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file);
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > MAX_BYTES)
        throw new FileError('io', `${file}: larger than ${MAX_BYTES >> 20} MiB`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof FileError ? error : FileError.from(file, error);
  }
  return textOf(file, Buffer.concat(chunks));
}

/** @throws FileError if it is packed, or a dump: nothing found in it would mean nothing. */
function textOf(file: string, bytes: Buffer): string {
  const text = new TextDecoder(UTF16.get(bytes.toString('hex', 0, 2))).decode(bytes);
  const sample = text.slice(0, SAMPLE).replaceAll('\0', '');
  const unreadable = sample.length - sample.replace(NOT_TEXT, '').length;
  const isText = unreadable * MOST_UNREADABLE <= sample.length && (sample !== '' || text === '');
  if (isText) return text;
  throw new FileError('corrupt', `${file}: got binary data, want the text of a log`);
}
