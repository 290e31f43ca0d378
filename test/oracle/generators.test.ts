/**
 * Every page of the dumps in libkdumpfile-dumps.br, which the generators of libkdumpfile's tests
 * wrote (mkdiskdump and mkelf of its commit 764baba, with zlib, liblzo2, libsnappy and libzstd): each
 * width, byte order, header version and codec, flattened and split. What the pages hold is said here.
 */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { physAddr } from '../../src/vmcore/bytes/units.ts';
import type { Dump } from '../../src/vmcore/container/dump.ts';
import { openDump } from '../../src/vmcore/container/open.ts';
import { joinParts } from '../../src/vmcore/container/split.ts';
import { bytesSource } from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS } from '../../src/vmcore/limits.ts';
import { latin1 } from '../support/builders/bytes.ts';
import { thrownBy } from '../support/system/thrown.ts';

interface Generated {
  readonly name: string;
  readonly container: Dump['container'];
  readonly wordBits: 32 | 64;
  readonly endian: 'little' | 'big';
  readonly blockSize: number;
  readonly flattened: boolean;
  /** The page frames of a part of a split dump. */
  readonly split?: readonly [number, number];
  readonly file: Uint8Array;
}

const GENERATED = unpacked(readFileSync(new URL('libkdumpfile-dumps.br', import.meta.url)));
const ZERO_PAGE = 6;
const PAGES = [1, 2, 3, ZERO_PAGE, 7, 40];
/** In the first bitmap of the kdump files and not in the second; 50 is in neither. */
const EXCLUDED = [5, 50];

function content(pfn: number, size: number): Uint8Array {
  if (pfn === ZERO_PAGE) return new Uint8Array(size);
  return Uint8Array.from({ length: size }, (_, i) => ((i >> 4) * (pfn + 1) + (i % 7)) & 0xff);
}

/** A line of JSON that says what they are and how long, then the files one after the other. */
function unpacked(packed: Uint8Array): Generated[] {
  const bytes = new Uint8Array(brotliDecompressSync(packed));
  const line = bytes.indexOf(0x0a);
  type Entry = Omit<Generated, 'file'> & { readonly size: number };
  const index = JSON.parse(latin1(bytes.subarray(0, line))) as Entry[];
  let end = line + 1;
  return index.map(({ size, ...entry }) => {
    end += size;
    return { ...entry, file: bytes.subarray(end - size, end) };
  });
}

function opened(files: readonly Generated[]): Dump {
  return joinParts(files.map(({ file }) => openDump(bytesSource(file), DEFAULT_LIMITS)));
}

const PARTS = GENERATED.filter(({ split }) => split !== undefined);

it('there are dumps of every kind', () => {
  expect(GENERATED.length).toBe(198);
  expect(new Set(GENERATED.map(({ name }) => name)).size).toBe(GENERATED.length);
});

describe.each(GENERATED)('$name', (generated) => {
  const { container, flattened, wordBits, endian, blockSize, split } = generated;
  const dump = opened([generated]);
  const isHere = (pfn: number): boolean =>
    split === undefined || (pfn >= split[0] && pfn < split[1]);

  it('is recognised for what it is', () => {
    const order = { wordBits, endian };
    expect(dump).toMatchObject({ container, flattened, order, incomplete: false });
  });

  it('has every page as it was written', () => {
    const pages = PAGES.filter(isHere);
    expect(pages.length).toBeGreaterThan(0);
    for (const pfn of pages) {
      const page = dump.memory.read(physAddr(pfn * blockSize), blockSize);
      expect(latin1(page)).toBe(latin1(content(pfn, blockSize)));
    }
  });

  it('has no other page', () => {
    for (const pfn of [...EXCLUDED, ...PAGES.filter((page) => !isHere(page))]) {
      const error = thrownBy(() => dump.memory.read(physAddr(pfn * blockSize), 1));
      const reason = isHere(pfn) ? 'page_excluded' : 'page_lost';
      expect(error).toMatchObject({ tag: 'PageMissing', reason });
    }
  });
});

describe('the parts of a split dump together', () => {
  const codecs = [...new Set(PARTS.map(({ name }) => name.split(' ').at(-1)!))];

  it.each(codecs)('have every page, %s', (codec) => {
    const parts = PARTS.filter(({ name }) => name.endsWith(` ${codec}`));
    expect(parts).toHaveLength(3);
    const { memory } = opened(parts.reverse());
    for (const pfn of PAGES) {
      expect(latin1(memory.read(physAddr(pfn * 4096), 4096))).toBe(latin1(content(pfn, 4096)));
    }
  });
});
