// What a decode takes of memory at the worst, measured: the peak of a process of its own, less that
// of one which decodes a small dump.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { limitsWithin } from '../../src/vmcore/index.ts';
import { elfCore } from '../support/builders/elf-core-builder.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { flatStream } from '../support/builders/flattened-builder.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const MIB = 2 ** 20;
/** The default of --decode.max-memory. */
const MAX_MEMORY = 256 * MIB;
const { segments: SEGMENTS, flattenedRecords: RECORDS } = limitsWithin(MAX_MEMORY);
/** A record of one byte. */
const RECORD_BYTES = 17;
const PROGRAM_HEADER_BYTES = 56;

const SCRIPT = `
  import { decodeFile } from ${JSON.stringify(new URL('../../dist/decode/decode-file.js', import.meta.url).href)};
  const [path, maxMemoryBytes] = process.argv.slice(1);
  const outcome = await decodeFile(path, { symbolPaths: [], maxMemoryBytes: Number(maxMemoryBytes) });
  const said = outcome.failure?.message ?? outcome.kind;
  console.log(JSON.stringify({ said, peak: process.resourceUsage().maxRSS * 1024 }));
`;

function decodeApart(path: string): { said: string; peak: number } {
  const heap = `--max-old-space-size=${MAX_MEMORY / MIB}`;
  const args = [heap, '--input-type=module', '-e', SCRIPT, path, String(MAX_MEMORY)];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', env: {} });
  return JSON.parse(output) as { said: string; peak: number };
}

/** So many program headers, and segments of 64 bytes each that lie in no order. */
function manySegments(count: number): Uint8Array {
  const file = Buffer.from(elfCore({ extendedNumbering: true, segments: [] }));
  const at = file.length;
  file.writeBigUInt64LE(BigInt(at), 32); // e_phoff
  file.writeUInt32LE(count, 64 + 44); // sh_info of section 0
  const headers = Buffer.alloc(count * PROGRAM_HEADER_BYTES);
  for (let i = 0; i < count; i++) {
    const header = i * PROGRAM_HEADER_BYTES;
    headers.writeUInt32LE(1, header); // p_type
    headers.writeBigUInt64LE(BigInt(64 * (count - i)), header + 8); // p_offset
    headers.writeBigUInt64LE(BigInt(8192 * ((i * 7919) % count)), header + 24); // p_paddr
    headers.writeBigUInt64LE(64n, header + 32); // p_filesz
    headers.writeBigUInt64LE(64n, header + 40); // p_memsz
  }
  return Buffer.concat([file, headers]);
}

/** A stream of the file, and of so many bytes behind it, each in a record of its own and out of order. */
function writeManyRecords(path: string, file: Uint8Array, count: number): void {
  const records = Buffer.alloc(count * RECORD_BYTES);
  for (let i = 0; i < count; i++) {
    const offset = file.length + 3 * ((i * 7919) % count);
    records.writeBigUInt64BE(BigInt(offset), i * RECORD_BYTES);
    records.writeBigUInt64BE(1n, i * RECORD_BYTES + 8);
  }
  const fd = openSync(path, 'w');
  try {
    writeSync(fd, flatStream([{ offset: 0, bytes: file }], { ended: false }));
    writeSync(fd, records);
  } finally {
    closeSync(fd);
  }
}

it('is within maxMemoryBytes for as many records and segments as are allowed', () => {
  const path = join(tempDir(), 'many');
  writeManyRecords(path, manySegments(SEGMENTS), RECORDS - 1);
  const { said, peak } = decodeApart(path);
  expect(said).toBe('dump: got no VMCOREINFO in notes or memory');
  const { said: ofSmall, peak: least } = decodeApart(fixture('x86_64-7.3.4.elf'));
  expect(ofSmall).toBe('report');
  expect(peak - least).toBeLessThan(MAX_MEMORY);
  // Else it is not the worst any more.
  expect(peak - least).toBeGreaterThan(MAX_MEMORY / 4);
});

it.each([
  ['records', 1, RECORDS],
  ['segments', SEGMENTS + 1, 0],
])('stops at more %s', (_, segments, records) => {
  const path = join(tempDir(), 'more');
  if (records === 0) writeFileSync(path, manySegments(segments));
  else writeManyRecords(path, manySegments(segments), records);
  expect(decodeApart(path).said).toMatch(/: got \d+, limit \d+$/);
});
