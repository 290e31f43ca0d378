// Whatever a decode reads of a dump may be missing from it: never does a wrong count come of that.

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { type ByteSource, VmcoreError, bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { recordingSource } from '../support/system/faulty-source.ts';

/** One dump of each container, and one of each machine. */
const NAMES = [
  'x86_64-7.3.4.elf',
  'x86_64-7.3.4.flat-elf',
  'x86_64-7.3.4.raw',
  'x86_64-7.3.4.lzo',
  'x86_64-7.3.4.flat-lzo',
  'arm64-7.3.4.elf',
  'ppc64le-7.2.13.elf',
  'riscv64-7.2.13.elf',
  's390x-7.2.13.elf',
];
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
    holds: (from, size) => inner.holds(from, size) && (!isKnown || isOutside(from, size)),
  };
}

/** The places in a file that a decode of it reads: whole blocks of it where pages are not packed. */
function placesRead(bytes: Uint8Array, isPacked: boolean): Range[] {
  const source = recordingSource(bytes);
  decodeVmcore(source);
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
    const { hwerr } = decodeVmcore(source);
    return hwerr.kind === 'present' ? hwerr : 'none';
  } catch (error) {
    if (error instanceof VmcoreError) return 'none';
    throw error;
  }
}

describe.each(NAMES)('%s', (name) => {
  const bytes = readFileSync(fixture(name));
  const right = fixtureReport(name).hwerr;
  const places = placesRead(bytes, name.endsWith('lzo'));

  it.each([
    ['is known to be missing', true],
    ['is zero and nothing says so', false],
  ])(
    'gives the right counts or none where any one place that is read %s',
    (_, isKnown) => {
      expect(countsOf(bytesSource(bytes))).toEqual(right);
      const answers = places.map((place) => countsOf(without(bytes, place, isKnown)));
      const truth = JSON.stringify(right);
      const lies = places.filter(
        (_place, i) => answers[i] !== 'none' && JSON.stringify(answers[i]) !== truth,
      );
      expect(lies).toEqual([]);
      expect(answers).toContain('none');
    },
    60_000,
  );
});
