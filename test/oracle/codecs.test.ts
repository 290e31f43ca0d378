/**
 * Pages compressed by the libraries that dump writers use, and read back by us: liblzo2, Google's
 * snappy and libzstd, through Debian's Python modules. They are oracles of the tests alone.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { physAddr } from '../../src/vmcore/bytes/units.ts';
import { PAGE_HEAD_BYTES, decompressPage, pageHead } from '../../src/vmcore/codec/page-codec.ts';
import { decompressLzo1x } from '../../src/vmcore/codec/lzo1x.ts';
import { openDump } from '../../src/vmcore/container/open.ts';
import type { PhysicalMemory } from '../../src/vmcore/memory/physical-memory.ts';
import { bytesSource } from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS } from '../../src/vmcore/limits.ts';
import { concat, latin1, noise } from '../support/builders/bytes.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';
import { needsPythonModule } from '../support/system/tools.ts';

const SCRIPT = fileURLToPath(new URL('encode.py', import.meta.url));

const ENCODERS = [
  { codec: 'lzo', level: 1, flags: 0x02, tool: needsPythonModule('lzo') }, // makedumpfile -l, QEMU
  { codec: 'lzo', level: 9, flags: 0x02, tool: needsPythonModule('lzo') },
  { codec: 'snappy', level: 0, flags: 0x04, tool: needsPythonModule('snappy') },
  { codec: 'zstd', level: 1, flags: 0x20, tool: needsPythonModule('zstandard') }, // makedumpfile -z
  { codec: 'zstd', level: 19, flags: 0x20, tool: needsPythonModule('zstandard') },
] as const;

function encoded(codec: string, level: number, pages: readonly Uint8Array[]): Uint8Array[] {
  return answers(codec, level, pages).map((bytes) => bytes!);
}

/** What encode.py makes of each page; undefined where it says that the page is broken. */
function answers(
  codec: string,
  level: number,
  pages: readonly Uint8Array[],
): (Uint8Array | undefined)[] {
  const input = JSON.stringify({
    codec,
    level,
    pages: pages.map((page) => Buffer.from(page).toString('base64')),
  });
  const output = execFileSync('/usr/bin/python3', [SCRIPT], { input, maxBuffer: 1 << 28 });
  return (JSON.parse(output.toString()) as (string | null)[]).map((text) =>
    text === null ? undefined : new Uint8Array(Buffer.from(text, 'base64')),
  );
}

/**
 * Memory as it is: runs, short words again and again, pointers alike but for their low bytes, noise, after much of
 * which LZO and snappy look at every hundredth byte, and zeros that they may pass over.
 */
const piece = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(fc.nat(), fc.integer({ min: 300, max: 3500 })).map(([seed, n]) => noise(n, seed)),
  fc.nat(300).map((n) => new Uint8Array(n)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 }))
    .map(([word, n]) => concat(...new Array<Uint8Array>(n).fill(word))),
  fc
    .array(fc.nat(0xffff), { maxLength: 100 })
    .map((low) =>
      concat(...low.map((n) => Uint8Array.of(n, n >> 8, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff))),
    ),
);

function page(size: number): fc.Arbitrary<Uint8Array> {
  return fc.array(piece, { minLength: 1, maxLength: 40 }).map((pieces) => {
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of pieces) {
      bytes.set(part.subarray(0, size - at), at);
      at = Math.min(size, at + part.length);
    }
    return bytes;
  });
}

for (const { codec, level, flags, tool } of ENCODERS) {
  for (const [size, count] of [
    [4096, 400],
    [65536, 40],
  ] as const) {
    tool.it(`${codec} level ${level}: pages of ${size} bytes come back as they were`, () => {
      const pages = fc.sample(page(size), { numRuns: count, seed: 1 });
      const stored = encoded(codec, level, pages);
      for (const [i, bytes] of pages.entries()) {
        if (stored[i]!.length >= size) continue; // dumps have it as it is
        const back = decompressPage(flags, stored[i]!, size, 'page');
        expect(latin1(back)).toBe(latin1(bytes));
        const head = pageHead(flags, stored[i]!, size);
        if (head !== undefined && head.length >= PAGE_HEAD_BYTES) {
          expect(latin1(head.subarray(0, PAGE_HEAD_BYTES))).toBe(
            latin1(bytes.subarray(0, PAGE_HEAD_BYTES)),
          );
        }
      }
    });
  }
}

/** Changes to a stream: bytes written over it, and how much of it is left. */
const damage = fc.tuple(
  fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
  fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
);

needsPythonModule('lzo').it(
  'lzo: of 4000 damaged streams, those that liblzo2 reads, to the same',
  () => {
    const SIZE = 4096;
    const whole = encoded('lzo', 1, fc.sample(page(SIZE), { numRuns: 200, seed: 2 }));
    const damages = fc.sample(damage, { numRuns: 4000, seed: 3 });
    const streams = damages.map(([changes, left], i) => {
      const stream = whole[i % whole.length]!.slice();
      for (const [at, byte] of changes) stream[at % stream.length] = byte;
      return stream.subarray(0, Math.ceil(stream.length * left));
    });
    const theirs = answers('lzo-decode', SIZE, streams);
    let read = 0;
    for (const [i, stream] of streams.entries()) {
      const [their, our] = [theirs[i], lzoOrUndefined(stream, SIZE)];
      expect(our && latin1(our)).toBe(their && latin1(their));
      if (their !== undefined) read++;
    }
    expect(read).toBeGreaterThan(100);
    expect(streams.length - read).toBeGreaterThan(100);
  },
);

function lzoOrUndefined(stream: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return decompressLzo1x(stream, size);
  } catch {
    return undefined;
  }
}

function memoryOf(path: string): PhysicalMemory {
  const source = bytesSource(new Uint8Array(readFileSync(path)));
  return openDump(source, DEFAULT_LIMITS).memory;
}

/** The same crash, written by makedumpfile with one codec and with another. */
function equalPages(one: string, other: string): number {
  const [a, b] = [memoryOf(one), memoryOf(other)];
  let count = 0;
  for (const which of ['text', 'rest'] as const) {
    for (const address of a.findPages(which, () => true)) {
      const [ours, theirs] = [a, b].map((memory) => memory.read(physAddr(address), 4096));
      if (latin1(ours!) !== latin1(theirs!)) throw new Error(`${address.toString(16)} differs`);
      count++;
    }
  }
  return count;
}

it.each(['raw', 'zlib', 'zstd'])(
  'every page of x86_64-7.3.4.lzo is that of x86_64-7.3.4.%s',
  (other) => {
    const pages = equalPages(fixture('x86_64-7.3.4.lzo'), fixture(`x86_64-7.3.4.${other}`));
    expect(pages).toBeGreaterThan(30);
  },
);

const shared = sharedVmcores();
it.skipIf(!shared)('every page of the whole dump is the same by LZO and by zlib', () => {
  const folder = shared ?? '';
  const name = (form: string): string => join(folder, `x86_64-7.3.4-whole.${form}`);
  // Of the pages that share one block of zeros a search gives one.
  expect(equalPages(name('flat-lzo'), name('zlib'))).toBeGreaterThan(19_000);
});
