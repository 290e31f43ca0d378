// The committed dumps of real kernels, and one that takes long.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { elfCore } from './elf-core-builder.ts';
import type { KnownReport } from './known-answers.ts';

const FOLDER = fileURLToPath(new URL('../fixtures', import.meta.url));

/** Path of a dump in test/fixtures. */
export function fixture(name: string): string {
  return join(FOLDER, name);
}

/** What is known of it without asking the decoder. */
export function fixtureReport(name: string): KnownReport {
  return JSON.parse(readFileSync(`${fixture(name)}.report.json`, 'utf8')) as KnownReport;
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
