/**
 * One flipped bit anywhere in what a decode reads leads to the right answers, to none, or to a warning
 * about what is wrong. What no check can tell are the bits of the answers themselves, where pages have
 * no checksum. HWERR_FLIPS=all tries every bit of what names the array, and 20,000 others of each dump,
 * and prints how many of them led to what.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it, vi } from 'vitest';

import { DEFAULT_LIMITS } from '../../src/vmcore/limits.ts';
import {
  type ByteSource,
  type CrashReport,
  VmcoreError,
  bytesSource,
  decodeVmcore,
  openVmcore,
} from '../../src/vmcore/index.ts';
import { readElfHeader } from '../../src/vmcore/elf/elf-header.ts';
import type { Cursor } from '../../src/vmcore/bytes/cursor.ts';
import { type VirtAddr, addVirt } from '../../src/vmcore/bytes/units.ts';
import type { Kernel } from '../../src/vmcore/kernel.ts';
import { readCounters } from '../../src/vmcore/hwerr/counters.ts';
import { builtinLayout, layoutBytes } from '../../src/vmcore/hwerr/layout.ts';
import type { VirtualMemory } from '../../src/vmcore/memory/virtual-memory.ts';
import { identifyKernel } from '../../src/vmcore/running-kernel.ts';
import { Kallsyms } from '../../src/vmcore/symbols/kallsyms.ts';
import { ByteWriter, LE64 } from '../support/builders/bytes.ts';
import { elfDumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { describeOutcome } from '../support/dumps/damage.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';
import { type Verdict, verdictOf } from '../support/dumps/verdict.ts';
import { randomNumbers } from '../support/dumps/mutations.ts';

const ALL = process.env['HWERR_FLIPS'] === 'all';
const RANDOM_FLIPS = ALL ? 20_000 : 300;
/** Every so many-th bit of a table is flipped. */
const STRIDE = ALL ? 1 : 61;
/** A bit of its token table may make a release from before the array deny it, as the matrix says. */
const OLD_SILENT = 1;
/** A segment that is too short may leave part of a boot id to another one, as the matrix says. */
const HEADERS_SILENT = ALL ? 1 : 0;
const BOOT_ID_BYTES = 16;
/** struct new_utsname, behind a lock of 4 bytes or without. */
const NODENAME_OFFSET = 65;
const UTS_FIELD = 69;

/** Bytes of the file. */
interface Range {
  readonly start: number;
  readonly length: number;
}

/** The file with one bit flipped. */
function flipped(file: ByteSource, bit: number): ByteSource {
  const at = Math.floor(bit / 8);
  return {
    ...file,
    read(offset, length): Uint8Array {
      const bytes = file.read(offset, length);
      if (at < offset || at >= offset + length) return bytes;
      const changed = Uint8Array.from(bytes);
      changed[at - offset]! ^= 1 << (bit % 8);
      return changed;
    },
  };
}

function decoded(source: ByteSource): CrashReport | VmcoreError {
  try {
    return decodeVmcore(source);
  } catch (error) {
    if (error instanceof VmcoreError) return error;
    throw error;
  }
}

function judged(outcome: CrashReport | VmcoreError, truth: CrashReport): Verdict {
  return outcome instanceof VmcoreError ? 'none' : verdictOf(outcome, truth);
}

/** Where kallsyms says that address: entries are distances from themselves, since v7.0. */
function entryOf({ vmcoreinfo, memory }: Kernel, address: VirtAddr): VirtAddr {
  const start = vmcoreinfo.symbol('kallsyms_offsets')!;
  const end = addVirt(start, 4 * 500_000);
  for (let at = start; at < end; at = addVirt(at, 4096 - Number(at % 4096n))) {
    const c = cursorAt(memory, at, 4096 - Number(at % 4096n));
    for (let here = at; c !== undefined && c.remaining > 0; here = addVirt(here, 4)) {
      if (here + BigInt(c.i32()) === address) return here;
    }
  }
  throw new Error('no entry is that of the array');
}

/** undefined where the page is not in the dump. */
function cursorAt(memory: VirtualMemory, at: VirtAddr, length: number): Cursor | undefined {
  try {
    return memory.cursor(at, length, 'kallsyms_offsets');
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

const FIXTURES = [
  ...['x86_64-7.3.4.elf', 'arm64-7.3.4.elf', 'x86_64-7.3.4.raw', 's390x-7.2.13.elf'],
  'i386-7.2.13-pae.elf',
].map((name) => [name, fixture(name)] as const);
const shared = sharedVmcores();
/**
 * One that has BTF too, which is asked where the array is not as large as it should be. It has all of its
 * symbols, so that a decode may read 200,000 names before it gives up.
 */
const WITH_BTF = 'arm64-7.3.4.elf with BTF [needs ../shared/vmcores]';
const dumps =
  shared === undefined
    ? FIXTURES
    : [...FIXTURES, [WITH_BTF, join(shared, 'arm64-7.3.4.elf')] as const];
if (shared === undefined) it.skip(`one flipped bit of ${WITH_BTF}`, () => undefined);

if (ALL) vi.setConfig({ testTimeout: 3_600_000 });

describe.each(dumps)('one flipped bit of %s', (name, path) => {
  const bytes = readFileSync(path);
  const file = bytesSource(bytes);
  const truth = decodeVmcore(file);
  const identified = identifyKernel(openVmcore(file), DEFAULT_LIMITS);
  const { vmcoreinfo, memory } = identified;
  const kallsyms = Kallsyms.open(vmcoreinfo, memory, DEFAULT_LIMITS);
  const array = kallsyms.find('hwerr_data')!;
  const symbol = (label: string): VirtAddr => vmcoreinfo.symbol(label)!;
  /** Where that memory lies in the file, to the end of its page. */
  const inFile = (address: VirtAddr, length: number): Range[] => {
    const ranges: Range[] = [];
    for (let done = 0; done < length;) {
      const at = addVirt(address, done);
      const page = addVirt(at, -(at % 4096n));
      const start = bytes.indexOf(memory.read(page, 4096));
      expect(start).toBeGreaterThan(0);
      const part = Math.min(length - done, 4096 - Number(at - page));
      ranges.push({ start: start + Number(at - page), length: part });
      done += part;
    }
    return ranges;
  };
  /** The digits of the time, where no copy is there to compare them with. */
  const timeOfCrash = (): Range[] => {
    const { vmcoreinfoCopies } = readCounters(identified, { limits: DEFAULT_LIMITS }, () => 0);
    const [line] = /^CRASHTIME=\d+/m.exec(vmcoreinfo.text) ?? [];
    if (line === undefined || vmcoreinfoCopies.length > 0) return [];
    return [{ start: bytes.indexOf(line), length: line.length }];
  };
  const layout = builtinLayout(identified.arch.int64Alignment);
  const counts = inFile(array.address, layoutBytes(layout));
  /** What no check can tell: what is answered as it stands, and where it stands. */
  const untold = [
    ...counts,
    ...timeOfCrash(),
    ...inFile(kallsyms.find('sysctl_bootid')!.address, BOOT_ID_BYTES),
    ...inFile(addVirt(symbol('init_uts_ns'), NODENAME_OFFSET), UTS_FIELD),
  ];
  const isUntold = (at: number): boolean =>
    untold.some(({ start, length }) => at >= start && at < start + length);

  const tallies: string[] = [];
  afterAll(() => {
    if (ALL) console.log(`${name}\n${tallies.join('\n')}`);
  });
  const silent = (what: string, bits: Iterable<number>): string[] => {
    const found: string[] = [];
    const tally: Record<Verdict, number> = { right: 0, none: 0, warned: 0, silent: 0 };
    for (const bit of bits) {
      if (isUntold(Math.floor(bit / 8))) continue;
      const outcome = decoded(flipped(file, bit));
      const verdict = judged(outcome, truth);
      tally[verdict]++;
      if (verdict === 'silent') found.push(`bit ${bit}: ${describeOutcome(outcome)}`);
    }
    tallies.push(`${what}: ${JSON.stringify(tally)}`);
    return found;
  };
  function* bitsOf(ranges: readonly Range[], stride: number): Generator<number> {
    for (const { start, length } of ranges) {
      for (let bit = 8 * start; bit < 8 * (start + length); bit += stride) yield bit;
    }
  }

  it('of what says where the array lies and ends is not silent', () => {
    const entry = entryOf(identified, array.address);
    expect(silent('entries', bitsOf(inFile(addVirt(entry, -4), 12), 1))).toEqual([]);
  });

  it.skipIf(name === WITH_BTF)('of the token table and its index is not silent', () => {
    const [table, index] = [symbol('kallsyms_token_table'), symbol('kallsyms_token_index')];
    const ranges = [...inFile(table, Number(index - table)), ...inFile(index, 512)];
    expect(silent('tokens', bitsOf(ranges, STRIDE))).toEqual([]);
  });

  it("of VMCOREINFO's text is not silent", () => {
    const start = bytes.indexOf(vmcoreinfo.text);
    const range = { start, length: vmcoreinfo.text.length };
    expect(silent('VMCOREINFO', bitsOf([range], STRIDE))).toEqual([]);
  });

  it.skipIf(truth.container === 'kdump' || name === WITH_BTF)(
    'of the program headers is seldom silent',
    () => {
      const { offset, length } = readElfHeader(file, DEFAULT_LIMITS).table;
      const found = silent('headers', bitsOf([{ start: offset, length }], STRIDE));
      expect(found.slice(HEADERS_SILENT)).toEqual([]);
    },
  );

  it.runIf(truth.container === 'kdump')("of the array's page descriptor is not silent", () => {
    const page = counts[0]!.start - Number(array.address % 4096n);
    const start = bytes.indexOf(new ByteWriter(LE64).u64(page).toBytes());
    expect(start).toBeGreaterThan(0);
    expect(silent('descriptor', bitsOf([{ start, length: 24 }], 1))).toEqual([]);
  });

  it.skipIf(name === WITH_BTF)('anywhere but in the array is not silent', () => {
    const read: Range[] = [];
    decodeVmcore({
      ...file,
      read(offset, length) {
        read.push({ start: offset, length });
        return file.read(offset, length);
      },
    });
    const random = randomNumbers(14);
    const bits = Array.from({ length: RANDOM_FLIPS }, () => {
      const { start, length } = read[Math.floor(random() * read.length)]!;
      return 8 * start + Math.floor(random() * 8 * length);
    });
    expect(silent('anywhere', bits)).toEqual([]);
  });
});

describe('one flipped bit of the token table of a kernel that was given the array', () => {
  const built = kernel({ release: '5.14.0-503.el9.x86_64' });
  const bytes = elfDumpOf(built);
  const file = bytesSource(bytes);
  const truth = decodeVmcore(file);
  const { kallsyms_token_table: table, kallsyms_token_index: index } = built.kallsyms.labels;
  const inImage = Number(table! - built.start);
  const start = bytes.length - built.image.length + inImage;

  it('says seldom silently that it has none', () => {
    let silent = 0;
    const bits = 8 * (Number(index! - table!) + 512);
    for (let bit = 0; bit < bits; bit += ALL ? 1 : 7) {
      const outcome = decoded(flipped(file, 8 * start + bit));
      if (judged(outcome, truth) === 'silent') silent++;
    }
    expect(truth.hwerr.kind).toBe('present');
    expect(silent).toBeLessThanOrEqual(OLD_SILENT);
  });
});
