/** Whatever a log holds, looking at it takes work in proportion to its length, and ends. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from 'vitest';

import { findEvidence } from '../../../src/vmcore/evidence/evidence.ts';
import { readLogText } from '../../../src/vmcore/printk/text.ts';
import { type Entry, evidenceOf, kernelLog } from '../../support/builders/kernel-log.ts';

const exec = Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec')!;
const get = Object.getOwnPropertyDescriptor(Map.prototype, 'get')!;
const push = Object.getOwnPropertyDescriptor(Array.prototype, 'push')!;

afterEach(() => {
  Object.defineProperty(RegExp.prototype, 'exec', exec);
  Object.defineProperty(Map.prototype, 'get', get);
  Object.defineProperty(Array.prototype, 'push', push);
});

/** Characters given to patterns, looks into maps and elements added, while a log is looked at. */
function work(entries: readonly Entry[]): number {
  const records = kernelLog(...entries);
  let steps = 0;
  const counting = (
    owner: object,
    name: string,
    { value }: PropertyDescriptor,
    cost: (argument: unknown) => number,
  ): void => {
    const original = value as (...args: unknown[]) => unknown;
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: function (this: unknown, ...args: unknown[]): unknown {
        steps += cost(args[0]);
        return original.apply(this, args);
      },
    });
  };
  counting(RegExp.prototype, 'exec', exec, (text) => String(text).length);
  counting(Map.prototype, 'get', get, () => 1);
  counting(Array.prototype, 'push', push, () => 1);
  findEvidence(records, { pageSize: 4096 });
  Object.defineProperty(RegExp.prototype, 'exec', exec);
  Object.defineProperty(Map.prototype, 'get', get);
  Object.defineProperty(Array.prototype, 'push', push);
  return steps;
}

const HE = 'mce: [Hardware Error]: ';
/** Each a line, or a few, that keep something open for later ones. */
const SEEDS: Readonly<Record<string, (at: number) => readonly string[]>> = {
  announcements: () => [`${HE}Machine check events logged`],
  'machine checks': () => [`${HE}CPU 0: Machine Check Exception: 5 Bank 7: be00000001010091`],
  'torn machine checks': () => [`${HE}TSC 0 ADDR 12345000`, `${HE}PROCESSOR 0:1 TIME 1 SOCKET 0`],
  'one page': () => ['Memory failure: 0x12345: already hardware poisoned'],
  'leaked pages': (at) => [
    `Memory failure: 0x${at.toString(16)}: recovery action for unknown page: Ignored`,
  ],
  'firmware records': (at) => [
    `{${at}}[Hardware Error]: event severity: recoverable`,
    `{${at}}[Hardware Error]:   section_type: memory error`,
    `{${at}}[Hardware Error]:   physical_address: 0x0000000012345000`,
  ],
  'sections of one record': () => [
    '{1}[Hardware Error]:  Error 0, type: recoverable',
    '{1}[Hardware Error]:   section_type: memory error',
  ],
  'headers of AER': () => ['pcieport 0000:00:1c.0: AER: Corrected error received: 0000:03:00.0'],
  'blocks of AER': () => ['nvme 0000:03:00.0: PCIe Bus Error: severity=Corrected'],
  'bits of AER': () => ['nvme 0000:03:00.0:    [ 0] RxErr'],
  'contained ports': () => ['pcieport 0000:00:1b.0: DPC: containment event, status:0x1f01'],
  'frozen endpoints': (at) => [`EEH: Frozen PHB#${at.toString(16)}-PE#1 detected`],
  'EDAC and its machine check': () => [
    'EDAC sbridge MC0: HANDLING MCE MEMORY ERROR',
    'EDAC MC0: 1 CE memory read error on A1 (channel:0 page:0x1 offset:0x0 grain:32)',
  ],
  'AMD blocks': () => ['[Hardware Error]: Corrected error, no action required.'],
  oopses: () => ['Oops: 0000 [#1] SMP', 'Call Trace:', ' f+0x1/0x2'],
  panics: () => ['Kernel panic - not syncing: Fatal machine check'],
  'blanks before a match that fails': () => [`${' '.repeat(1000)}x`],
  'words before a match that fails': () => ['a '.repeat(1000)],
  'brackets before a match that fails': () => ['['.repeat(2000), '{1}'.repeat(600)],
  'an endless list of bits': () => [`[Hardware Error]: CPU:3 MC17_STATUS[${'-|'.repeat(900)}`],
};

describe('a hostile log', () => {
  it.each(Object.entries(SEEDS))('of twice the length takes twice the work: %s', (_name, seed) => {
    const log = (count: number): Entry[] =>
      Array.from({ length: count }, (_, at) => [10 + at * 1e-4, ...seed(at)]).flat();
    const [once, twice] = [work(log(400)), work(log(800))];
    expect(once).toBeGreaterThan(400);
    expect(twice / once).toBeLessThan(2.2);
  });

  it('of a million lines is read to the end', () => {
    const line = (at: number): string =>
      `[${(at / 1000).toFixed(6)}] {${at}}[Hardware Error]: event severity: recoverable\n`;
    const { records, truncated } = readLogText(
      Array.from({ length: 1_000_000 }, (_, at) => line(at)).join(''),
    );
    const { hardwareEvents, hardwareEventsOmitted } = findEvidence(records, { pageSize: 4096 });
    expect(truncated).toBe(true);
    expect(hardwareEvents).toHaveLength(1000);
    expect(hardwareEventsOmitted).toBe(65_536 - 1000);
  });

  it('of one line of 4 MiB, or one of as many lines, is read to the end', () => {
    expect(evidenceOf('x'.repeat(4 << 20), '\n'.repeat(4 << 20)).hardwareEvents).toEqual([]);
    const glued = `mce: Uncorrected hardware memory error in user-access at 1${'\0'.repeat(4 << 20)}`;
    expect(evidenceOf(glued).hardwareEvents).toHaveLength(1);
  });

  it('of every pattern’s own worst text is read to the end', () => {
    const words = [
      'EDAC MC0: 1 CE ',
      'Memory failure: 0x1: ',
      '{1}[Hardware Error]: ',
      `${HE}CPU `,
    ];
    const bombs = words.flatMap((word) =>
      [' ', '(', 'a ', '0', ' on ', ' page:0x1 ', '|', '[', ', BIOS '].map(
        (piece) => word + piece.repeat(2000),
      ),
    );
    expect(evidenceOf(...bombs, ...bombs.map((text) => `Hardware name: ${text}`)).crash).toBeNull();
  });
});

describe('the patterns of evidence', () => {
  const folder = fileURLToPath(new URL('../../../src/vmcore/evidence/', import.meta.url));
  const patterns = readdirSync(folder).flatMap((file) =>
    [
      ...readFileSync(folder + file, 'utf8').matchAll(
        /(?<=[=(,[!?:] ?|^ +)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n[])+\/[giu]*/gm,
      ),
    ].map(([pattern]) => ({ file, pattern })),
  );

  it('are many, and none repeats anything without a bound', () => {
    expect(patterns.length).toBeGreaterThan(100);
    const unbounded = patterns.filter(({ pattern }) =>
      /(?<!\\)[*+]|\{\d+,\}/.test(pattern.replace(/\[(?:\\.|[^\]\\])*\]/g, '[]')),
    );
    expect(unbounded).toEqual([]);
  });
});
