// Dumps of every container, machine and odd writer, from a generated kernel to its report.

import { describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { flatten } from '../support/builders/flattened-builder.ts';
import type { KdumpCodec } from '../support/builders/kdump-builder.ts';
import {
  BOOT_ID_TEXT,
  type BuiltKernel,
  CRASH_TIME,
  NODENAME,
  RELEASE,
  elfDumpOf,
  kdumpOf,
  kernel,
} from '../support/builders/kernel-builder.ts';
import { MACHINES, MACHINE_NAMES, type MachineName } from '../support/builders/fake-machines.ts';

const decode = (bytes: Uint8Array): CrashReport => decodeVmcore(bytesSource(bytes));

const KERNELS = new Map<MachineName, BuiltKernel>();
function built(machine: MachineName): BuiltKernel {
  const found = KERNELS.get(machine) ?? kernel({ machine, fillers: 300 });
  KERNELS.set(machine, found);
  return found;
}

const WHOLE = {
  kernelRelease: RELEASE,
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

describe.each(MACHINE_NAMES)('a dump of %s', (arch) => {
  const whole = { ...WHOLE, arch };

  it.each([
    ['an ELF core', () => elfDumpOf(built(arch)), 'note'],
    ['an ELF core without a note', () => elfDumpOf(built(arch), { note: false }), 'scanned'],
    ['a flattened ELF core', () => flatten(elfDumpOf(built(arch))), 'note'],
    ['a kdump file', () => kdumpOf(built(arch)).bytes, 'note'],
    ['a kdump file without a note', () => kdumpOf(built(arch), { note: false }).bytes, 'scanned'],
    ['a flattened kdump file', () => flatten(kdumpOf(built(arch)).bytes), 'note'],
  ] as const)('decodes from %s', (_, dump, vmcoreinfo) => {
    expect(decode(dump())).toMatchObject({ ...whole, vmcoreinfo });
  });

  it.each(['raw', 'lzo', 'snappy', 'zstd'] satisfies KdumpCodec[])(
    'decodes from %s pages of 64 KiB, no machine named, as QEMU writes them',
    (codec) => {
      // It writes page frames of ARM from 0 or from its RAM on; a header without a machine says 0.
      const { physical } = built(arch);
      const odd = { codec, sysname: '', machine: 'Unknown', blockSize: 65536 } as const;
      const shifted = MACHINES[arch].ramStart === undefined ? built(arch) : withoutRamStart(arch);
      expect(shifted.physical).toBe(physical);
      expect(decode(kdumpOf(shifted, odd).bytes)).toMatchObject(whole);
    },
  );
});

/** The same kernel, its page frames counted from 0. */
function withoutRamStart(arch: MachineName): BuiltKernel {
  const { ramStart: _ramStart, ...machine } = MACHINES[arch];
  return { ...built(arch), machine };
}

const VARIANTS = (['i386', 'arm32', 's390x', 'ppc64', 'ppc64le', 'x86_64'] as const).flatMap(
  (machine) => {
    const { wordBits, endian } = MACHINES[machine].order;
    return [false, ...(wordBits === 32 ? [true] : [])].map((padded) => ({
      machine,
      padded,
      name: `${wordBits}-bit ${endian}-endian ${padded ? 'padded' : 'packed'}`,
    }));
  },
);

describe.each(VARIANTS)('kdump files of $machine, $name', ({ machine, padded }) => {
  it.each([1, 2, 3, 4, 5, 6])('decode in version %i', (version) => {
    const { bytes } = kdumpOf(built(machine), { version, padded });
    const vmcoreinfo = version < 3 ? 'scanned' : 'note';
    expect(decode(bytes)).toMatchObject({ ...WHOLE, arch: machine, vmcoreinfo });
  });

  it('decode with one bitmap', () => {
    const { bytes } = kdumpOf(built(machine), { padded, bitmaps: 1 });
    expect(decode(bytes)).toMatchObject({ ...WHOLE, arch: machine });
  });
});

describe('an i386 kernel', () => {
  it('has its time 4 bytes behind its count', () => {
    const report = decode(elfDumpOf(built('i386')));
    expect(report.hwerr).toEqual(WHOLE.hwerr);
    expect(built('i386').kallsyms.labels).toHaveProperty('kallsyms_offsets');
  });
});

describe('an arm64 kernel of 64 KiB pages', () => {
  it.each(['zlib', 'zstd'] as const)('decodes from blocks of its page size, %s', (codec) => {
    const { bytes } = kdumpOf(built('arm64'), { blockSize: 65536, codec });
    expect(decode(bytes)).toMatchObject({ ...WHOLE, arch: 'arm64' });
  });
});

describe('a core with virtual addresses alone', () => {
  it.each([
    ['x86_64', 0xffffffffffffffffn],
    ['arm64', 0xffffffffffffffffn],
    ['i386', 0xffffffffn],
  ] as const)('of %s decodes where p_paddr is all ones', (machine, unknown) => {
    const { start, image } = built(machine);
    const segments = [{ physical: unknown, virtual: start, bytes: image }];
    expect(decode(elfDumpOf(built(machine), { segments }))).toMatchObject({
      ...WHOLE,
      arch: machine,
    });
  });

  it('decodes where every p_paddr is zero', () => {
    const { start, image } = built('x86_64');
    const segments = [0, 0x30000].map((at) => ({
      physical: 0,
      virtual: start + BigInt(at),
      bytes: at === 0 ? image.subarray(0, 0x30000) : image.subarray(0x30000),
    }));
    expect(decode(elfDumpOf(built('x86_64'), { segments }))).toMatchObject(WHOLE);
  });
});

describe('an ELF64 core of a 32-bit kernel', () => {
  it.each(['i386', 'arm32'] as const)('of %s decodes, as /proc/vmcore may be one', (machine) => {
    const order = { endian: 'little', wordBits: 64 } as const;
    expect(decode(elfDumpOf(built(machine), { order }))).toMatchObject({ ...WHOLE, arch: machine });
  });
});

describe('a kernel that keeps no data symbols', () => {
  it('says that it counts, and not what', () => {
    const built = kernel({ arrayName: null, bootIdName: null, fillers: 300 });
    expect(decode(kdumpOf(built).bytes)).toMatchObject({
      ...WHOLE,
      bootId: null,
      symbolSource: null,
      layoutSource: null,
      hwerr: { kind: 'absent', reason: 'symbol_not_found' },
    });
  });
});
