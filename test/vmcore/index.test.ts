import { describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, decodeVmcore, openVmcore } from '../../src/vmcore/index.ts';
import { latin1 } from '../support/builders/bytes.ts';
import { failingSource, recordingSource } from '../support/system/faulty-source.ts';
import { flatten } from '../support/builders/flattened-builder.ts';
import {
  BOOT_ID_TEXT,
  BUILD_ID,
  CRASH_TIME,
  NODENAME,
  RELEASE,
  elfDumpOf,
  kdumpOf,
  kernel,
  withMemory,
} from '../support/builders/kernel-builder.ts';
import { costOf } from '../support/dumps/decode-cost.ts';

const BUILT = kernel();
const decode = (bytes: Uint8Array): CrashReport => decodeVmcore(bytesSource(bytes));
const absent = (reason: string) => ({ kind: 'absent', reason });

const WHOLE = {
  kernelRelease: RELEASE,
  buildId: BUILD_ID,
  nodename: NODENAME,
  bootId: BOOT_ID_TEXT,
  crashTimeSeconds: CRASH_TIME,
  incomplete: false,
  vmcoreinfo: 'note',
  symbolSource: 'kallsyms',
  layoutSource: 'builtin',
  warnings: [],
  hwerr: {
    kind: 'present',
    categories: [
      { category: 'cpu', count: 1, lastErrorTimestampSeconds: 1_790_000_001 },
      { category: 'memory', count: 0, lastErrorTimestampSeconds: null },
      { category: 'pci', count: 3, lastErrorTimestampSeconds: 1_790_000_003 },
      { category: 'cxl', count: 0, lastErrorTimestampSeconds: null },
      { category: 'others', count: 5, lastErrorTimestampSeconds: 1_790_000_005 },
    ],
  },
};

describe.each(['x86_64', 'arm64'] as const)('decodeVmcore of %s', (arch) => {
  const built = kernel({ machine: arch });

  it.each([
    ['raw', []],
    ['zlib', ['zlib']],
    ['lzo', ['lzo']],
    ['zstd', ['zstd']],
  ] as const)('reads a kdump file of %s pages, flattened or not', (codec, compression) => {
    const { bytes } = kdumpOf(built, { codec });
    const kdump = { ...WHOLE, arch, container: 'kdump', compression };
    expect(decode(bytes)).toMatchObject({ ...kdump, flattened: false });
    expect(decode(flatten(bytes))).toMatchObject({ ...kdump, flattened: true });
  });

  it('reads an ELF core, flattened or not', () => {
    const bytes = elfDumpOf(built);
    const elf = { ...WHOLE, arch, container: 'elf', compression: [] };
    expect(decode(bytes)).toMatchObject({ ...elf, flattened: false });
    expect(decode(flatten(bytes))).toMatchObject({ ...elf, flattened: true });
  });

  it('reads what QEMU writes: 64 KiB blocks, no machine, a wrong phys_base, no note', () => {
    const qemu = { sysname: '', machine: 'Unknown', physBase: 0x270532608, blockSize: 65536 };
    const { bytes } = kdumpOf(built, { ...qemu, note: false });
    expect(decode(bytes)).toMatchObject({ ...WHOLE, arch, vmcoreinfo: 'scanned' });
  });

  it.each([
    ['v7.0', 'place'],
    ['v6.19', 'base'],
    ['v6.14', 'percpu'],
    ['v6.10', 'addresses'],
  ] as const)('reads kallsyms of %s', (_, addressing) => {
    expect(decode(elfDumpOf(kernel({ machine: arch, addressing })))).toMatchObject(WHOLE);
  });
});

describe('decodeVmcore of a kernel without counters in the dump', () => {
  it.each([
    ['kernel_without_hwerr', { arrayName: null, logFunction: false }],
    ['symbol_not_found', { arrayName: null }],
  ] as const)('is absent, %s, by what kallsyms has', (reason, recipe) => {
    expect(decode(elfDumpOf(kernel(recipe)))).toMatchObject({
      hwerr: absent(reason),
      symbolSource: null,
      layoutSource: null,
      bootId: BOOT_ID_TEXT,
      incomplete: false,
    });
  });

  it.each([
    ['kdump', kdumpOf(BUILT, { excluded: ['array'] }).bytes],
    ['ELF', elfDumpOf(BUILT, { excluded: ['array'] })],
  ])(
    "is absent, page_excluded, when the array's page was filtered out of a %s dump",
    (_, bytes) => {
      expect(decode(bytes)).toMatchObject({
        hwerr: absent('page_excluded'),
        incomplete: false,
        nodename: NODENAME,
        bootId: BOOT_ID_TEXT,
      });
    },
  );

  it("is absent, page_lost, and incomplete when the array's page was never written", () => {
    expect(decode(kdumpOf(BUILT, { lost: ['array'] }).bytes)).toMatchObject({
      hwerr: absent('page_lost'),
      incomplete: true,
      bootId: BOOT_ID_TEXT,
    });
  });

  it('is incomplete when the page with the utsname was lost, and has the counters all the same', () => {
    const blank = withMemory(BUILT, BUILT.at('utsname'), new Uint8Array(4096));
    const files = [kdumpOf(BUILT, { lost: ['utsname'] }).bytes, elfDumpOf(blank)];
    for (const file of files) {
      const { hwerr, incomplete, nodename } = decode(file);
      expect({ kind: hwerr.kind, incomplete, nodename }).toEqual({
        kind: 'present',
        incomplete: true,
        nodename: null,
      });
    }
    const { incomplete } = decode(kdumpOf(BUILT, { excluded: ['utsname'] }).bytes);
    expect(incomplete).toBe(false);
  });

  it('is absent, page_lost, and incomplete when the file was cut before kallsyms', () => {
    const { bytes, places } = kdumpOf(BUILT);
    const pfn = Number(BUILT.at('kallsyms') / 4096n);
    expect(decode(bytes.subarray(0, places[`page:${pfn}`]))).toMatchObject({
      hwerr: absent('page_lost'),
      incomplete: true,
      nodename: NODENAME,
      bootId: null,
      crashTimeSeconds: CRASH_TIME,
    });
  });

  it('is absent, page_lost, when it is in another part of a split dump', () => {
    const first = Number(BUILT.physical / 4096n);
    const { bytes } = kdumpOf(BUILT, { split: [first, first + 0x20] });
    expect(decode(bytes)).toMatchObject({ hwerr: absent('page_lost'), nodename: NODENAME });
  });

  it.each(['page_excluded', 'page_lost'])('is absent when kallsyms is %s', (reason) => {
    const how = reason === 'page_lost' ? 'lost' : 'excluded';
    const report = decode(kdumpOf(BUILT, { [how]: ['kallsyms'] }).bytes);
    expect(report).toMatchObject({ hwerr: absent(reason), bootId: null, nodename: NODENAME });
  });
});

describe('decodeVmcore', () => {
  it('reads zeros, not absence, when the array lies in a page known to be zero', () => {
    const blank = withMemory(BUILT, BUILT.at('array'), new Uint8Array(4096));
    const { bytes, places } = kdumpOf(blank);
    const pfn = Number(BUILT.at('array') / 4096n);
    expect(places[`page:${pfn}`]).toBe(places['data']); // the shared block of zeros
    const { hwerr } = decode(bytes);
    expect(hwerr.kind === 'present' && hwerr.categories).toHaveLength(5);
    expect(JSON.stringify(hwerr)).not.toMatch(/:[1-9]/);
  });

  it('has no nodename when the utsname is not in the dump', () => {
    const { bytes } = kdumpOf(BUILT, { excluded: ['utsname'] });
    expect(decode(bytes)).toMatchObject({ ...WHOLE, nodename: null });
  });

  it('warns and has no boot id when its page is not in the dump', () => {
    const report = decode(kdumpOf(BUILT, { excluded: ['bootId'] }).bytes);
    expect(report).toMatchObject({ bootId: null, hwerr: WHOLE.hwerr });
    expect(report.warnings).toEqual([expect.stringMatching(/^boot id: kdump: page 0x/)]);
  });

  it('is incomplete when the header says so, and gives the counters all the same', () => {
    const report = decode(kdumpOf(BUILT, { status: 0x8 }).bytes);
    expect(report).toMatchObject({ ...WHOLE, incomplete: true });
  });

  it('has null where VMCOREINFO has no key: a live dump has no CRASHTIME', () => {
    const editVmcoreinfo = (text: string): string =>
      text.replace(/^(CRASHTIME|BUILD-ID).*\n/gm, '');
    const report = decode(elfDumpOf(kernel({ editVmcoreinfo })));
    expect(report).toMatchObject({ crashTimeSeconds: null, buildId: null, hwerr: WHOLE.hwerr });
  });

  it('gives the set of VMCOREINFO lines', () => {
    const lines = [...new Set(BUILT.vmcoreinfo.trimEnd().split('\n'))].sort();
    expect(decode(elfDumpOf(BUILT)).vmcoreinfoLines).toBe(lines.join('\n'));
  });

  it('gives plain data that survives JSON and structuredClone', () => {
    const report = decode(kdumpOf(BUILT).bytes);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(structuredClone(report)).toEqual(report);
  });

  it('reads nothing more of a file that was opened before', () => {
    const { bytes } = kdumpOf(BUILT);
    const source = recordingSource(flatten(bytes));
    const vmcore = openVmcore(source);
    const opening = source.log.length;
    decodeVmcore([vmcore]);
    expect(vmcore.part).toBeUndefined();
    expect(source.log.length).toBe(costOf(bytesSource(flatten(bytes))).reads);
    expect(opening).toBeLessThan(source.log.length);
  });

  it('writes to no byte of its source', () => {
    const { bytes } = kdumpOf(BUILT, { codec: 'raw' });
    const before = latin1(bytes);
    decode(bytes);
    expect(latin1(bytes)).toBe(before);
  });

  it('says no_kallsyms when VMCOREINFO names no tables, as before v6.0', () => {
    const editVmcoreinfo = (text: string): string => text.replace(/^SYMBOL\(kallsyms.*\n/gm, '');
    const { hwerr } = decode(elfDumpOf(kernel({ editVmcoreinfo })));
    expect(hwerr).toMatchObject({ kind: 'unreadable', reason: 'no_kallsyms' });
  });

  it.each([
    ['the header', [0, 100]],
    ['the page of the array', undefined],
  ] as const)('passes on what the source throws when it reads %s', (_, range) => {
    const error = new Error('EIO');
    const { bytes, places } = kdumpOf(BUILT);
    const page = places[`page:${Number(BUILT.at('array') / 4096n)}`]!;
    const source = failingSource(bytes, error, range ?? [page, page + 10]);
    expect(() => decodeVmcore(source)).toThrow(error);
  });
});
