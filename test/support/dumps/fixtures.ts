// The committed dumps of real kernels, one that takes long, and one that takes much.

import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type SymbolFile, bytesSource } from '../../../src/vmcore/index.ts';
import { elfCore } from '../builders/elf-core-builder.ts';
import type { KnownReport } from './known-answers.ts';

const FOLDER = fileURLToPath(new URL('../../fixtures', import.meta.url));

/** Path of a dump in test/fixtures. */
export function fixture(name: string): string {
  return join(FOLDER, name);
}

/** What is known of it without asking the decoder. */
export interface FixtureReport extends KnownReport {
  /** What it says when it is given the files of `fixtures/symbols`; the rest is without them. */
  readonly withSymbols?: KnownReport;
}

export function fixtureReport(name: string): FixtureReport {
  return JSON.parse(readFileSync(`${fixture(name)}.report.json`, 'utf8')) as FixtureReport;
}

/** The files of `fixtures/symbols`. */
export function fixtureSymbols(): SymbolFile[] {
  return readdirSync(fixture('symbols')).map((name) => ({
    name,
    source: bytesSource(readFileSync(join(fixture('symbols'), name))),
  }));
}

/**
 * An ELF core of so many GiB of zeros that take no space on disk: to find that there is no
 * VMCOREINFO in it, all of them are read.
 */
export function writeSlowDump(path: string, gibibytes: number): void {
  const size = gibibytes * 2 ** 30;
  const head = elfCore({ segments: [{ physical: 0, fileSize: size, memorySize: size }] });
  const fd = openSync(path, 'w');
  try {
    writeSync(fd, head);
    ftruncateSync(fd, head.length + size);
  } finally {
    closeSync(fd);
  }
}

/**
 * A dump in `directory`, and the text of a log beside it whose records take more than 16 MiB.
 *
 * @returns its path.
 */
export function writeHungryDump(directory: string): string {
  const path = join(directory, 'vmcore.202610030405');
  copyFileSync(fixture('x86_64-7.3.4.lzo'), path);
  writeFileSync(join(directory, 'dmesg.202610030405'), '[    1.000000] a line\n'.repeat(300_000));
  return path;
}
