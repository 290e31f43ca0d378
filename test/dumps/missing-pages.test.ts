// Whatever a decode reads of a dump may be missing from it: never does a wrong count come of that.

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import {
  type ByteSource,
  DEFAULT_LIMITS,
  type SymbolFile,
  VmcoreError,
  bytesSource,
  decodeVmcore,
  openVmcore,
} from '../../src/vmcore/index.ts';
import { identifyKernel } from '../../src/vmcore/running-kernel.ts';
import { Kallsyms } from '../../src/vmcore/symbols/kallsyms.ts';
import { fixture, fixtureSymbols } from '../support/dumps/fixtures.ts';
import { recordingSource } from '../support/system/faulty-source.ts';

/** One dump of each container and codec, and one of each machine. */
const NAMES = [
  'x86_64-7.3.4.elf',
  'x86_64-7.3.4.flat-elf',
  'x86_64-7.3.4.raw',
  'x86_64-7.0.13.zlib',
  'x86_64-7.3.4.lzo',
  'x86_64-7.1.13.zstd',
  'x86_64-7.3.4.flat-lzo',
  'arm64-7.3.4.elf',
  'ppc64le-7.2.13.elf',
  'riscv64-7.2.13.elf',
  's390x-7.2.13.elf',
  'loongarch64-7.2.13.elf',
  'arm32-7.2.13.elf',
  'i386-7.2.13.elf',
  'i386-7.2.13-pae.zlib',
];
/** Of dumps whose pages are packed, what is taken away is what is read at once. */
const PACKED = /lzo|zlib|zstd/;
const OPTIONS = { symbolFiles: (): SymbolFile[] => fixtureSymbols() };
/** What is read in less is a header, a descriptor or a note. */
const LEAST = 32;

type Range = readonly [offset: number, length: number];

/** The dump without a range: it reads as zeros, and may be known to be missing. */
function without(bytes: Uint8Array, [offset, length]: Range, isKnown: boolean): ByteSource {
  const inner = bytesSource(Uint8Array.from(bytes).fill(0, offset, offset + length));
  const isOutside = (from: number, size: number): boolean =>
    from + size <= offset || from >= offset + length;
  return {
    ...inner,
    contains: (from, size) => inner.contains(from, size) && (!isKnown || isOutside(from, size)),
  };
}

/** The places in a file that a decode of it reads: whole blocks of it where pages are not packed. */
function placesRead(bytes: Uint8Array, isPacked: boolean): Range[] {
  const source = recordingSource(bytes);
  decodeVmcore(source, OPTIONS);
  const places = source.log
    .filter(([, length]) => length >= LEAST)
    .map(([offset, length]): Range => {
      if (isPacked) return [offset, length];
      const start = offset - (offset % 4096);
      return [start, Math.ceil((offset + length - start) / 4096) * 4096];
    });
  return [...new Map(places.map((place) => [place.join(), place])).values()];
}

function countsOf(source: ByteSource): unknown {
  try {
    const { hwerr } = decodeVmcore(source, OPTIONS);
    return hwerr.kind === 'present' ? hwerr : 'none';
  } catch (error) {
    if (error instanceof VmcoreError) return 'none';
    throw error;
  }
}

describe.each(NAMES)('%s', (name) => {
  const bytes = readFileSync(fixture(name));
  const right = countsOf(bytesSource(bytes));
  const places = placesRead(bytes, PACKED.test(name));

  it.each([
    ['is known to be missing', true],
    ['is zero and nothing says so', false],
  ])('gives the right counts or none where any one place that is read %s', (_, isKnown) => {
    expect(right).toMatchObject({ kind: 'present' });
    const answers = places.map((place) => countsOf(without(bytes, place, isKnown)));
    const truth = JSON.stringify(right);
    const lies = places.filter(
      (_place, i) => answers[i] !== 'none' && JSON.stringify(answers[i]) !== truth,
    );
    expect(lies).toEqual([]);
    expect(answers).toContain('none');
  });
});

/** One of each container whose pages are stored as they are, and of each machine whose array has the others beside it. */
const STORED = [
  'x86_64-7.3.4.elf',
  'x86_64-7.3.4.flat-elf',
  'x86_64-7.3.4.raw',
  'arm64-7.3.4.elf',
  'i386-7.2.13.elf',
  'ppc64le-7.2.13.elf',
  's390x-7.2.13.elf',
];

const LOST = { kind: 'absent', reason: 'page_lost' };

/** What it says of its counts; a hole over its headers, or over its kernel's name, leaves nothing to say. */
function answerOf(bytes: Uint8Array): unknown {
  try {
    const { hwerr, incomplete } = decodeVmcore(bytesSource(bytes));
    return { hwerr, incomplete };
  } catch (error) {
    if (error instanceof VmcoreError) return { hwerr: LOST, incomplete: true };
    throw error;
  }
}

/** Where its array lies in a file that has it as it was in memory. */
function arrayIn(bytes: Uint8Array): Range {
  const { vmcoreinfo, memory } = identifyKernel(openVmcore(bytesSource(bytes)), DEFAULT_LIMITS);
  const { address, size } = Kallsyms.open(vmcoreinfo, memory, DEFAULT_LIMITS).find('hwerr_data')!;
  const array = memory.read(address, Number(size));
  return [Buffer.from(bytes).indexOf(array), array.length];
}

describe.each(STORED)('the array in %s', (name) => {
  const bytes = readFileSync(fixture(name));
  const [start, length] = arrayIn(bytes);

  it.each([160, 512, 1024, 2048])('is lost in a hole of %i bytes, wherever that begins', (size) => {
    const beside = 24; // so many bytes of the hole on either side of the array at least
    for (let from = start + length + beside - size; from <= start - beside; from += 8) {
      const hole = Uint8Array.from(bytes).fill(0, from, from + size);
      expect([from, answerOf(hole)]).toEqual([from, { hwerr: LOST, incomplete: true }]);
    }
  });
});
