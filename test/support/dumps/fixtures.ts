// The committed dumps of real kernels, and one that takes long.

import { closeSync, ftruncateSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type SymbolFile, bytesSource } from '../../../src/vmcore/index.ts';
import { ByteWriter } from '../builders/bytes.ts';
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

/**
 * A bitmap of 64 TiB of memory, a hole in the file: to count its pages takes more than 10 MiB. Its one
 * descriptor is for a page that lies where the number of pages cannot be guessed by.
 */
export function writeHungryDump(path: string): void {
  const maxPfn = 2 ** 34;
  const descriptors = 8192 + maxPfn / 8;
  const page = descriptors + 100;
  const fd = openSync(path, 'w');
  try {
    writeSync(fd, kdumpHeaders({ maxPfn, bitmaps: 1 }).toBytes());
    ftruncateSync(fd, page + 4096);
    writeSync(fd, new ByteWriter().u64(page).u32(4096).toBytes(), 0, 12, descriptors);
  } finally {
    closeSync(fd);
  }
}
