// The committed dumps of real kernels, and one that takes long.

import {
  truncateSync,
  closeSync,
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
import { kdumpHeaders } from '../builders/kdump-builder.ts';
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

/** A bitmap of 64 TiB of memory, a hole in the file: to count its pages takes more than 10 MiB. */
export function writeHungryDump(path: string): void {
  const maxPfn = 2 ** 34;
  writeFileSync(path, kdumpHeaders({ maxPfn, bitmaps: 1 }).toBytes());
  truncateSync(path, 8192 + maxPfn / 8);
}
