// The machines a test kernel can be of: how it writes numbers, where its image lies, and what
// VMCOREINFO says of that. One row is all that a further architecture needs.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { BE64, LE32, LE64 } from './bytes.ts';

export interface Machine {
  /** As a report says it. */
  readonly arch: string;
  readonly order: ByteOrder;
  /** e_machine */
  readonly elfMachine: number;
  /** utsname.machine */
  readonly utsMachine: string;
  /** Where its RAM begins: makedumpfile counts the page frames of 32-bit ARM from there. */
  readonly ramStart?: bigint;
  /** Physical address of the image unless said otherwise. */
  readonly physical: bigint;
  /** Virtual address of an image at a physical one. */
  readonly image: (physical: bigint) => bigint;
  /** What VMCOREINFO says of the place of an image at a physical address. */
  readonly keys: (physical: bigint) => string;
  /** Alignment of a 64-bit integer in a struct: 8 unless said otherwise. */
  readonly int64Alignment?: 4;
}

export type MachineName =
  'x86_64' | 'arm64' | 'ppc64le' | 'ppc64' | 's390x' | 'riscv64' | 'loongarch64' | 'i386' | 'arm32';

const X86_64_IMAGE = 0xffffffff81000000n + 0x1a200000n; // moved by KASLR
const ARM64_IMAGE = 0xffffb31b48a00000n;
const RISCV64_IMAGE = 0xffffffff80000000n;
const S390X_IMAGE = 0x3ffe0000000n;
const PHYSICAL = 0x1000000n;
const ARM32_RAM = 0x40000000n;

const hexKey = (value: bigint): string => BigInt.asUintN(64, value).toString(16);

const ppc64 = {
  elfMachine: 21,
  physical: PHYSICAL,
  image: (physical: bigint) => 0xc000000000000000n + physical,
  keys: (physical: bigint) => `SYMBOL(cur_cpu_spec)=${hexKey(0xc000000000000000n + physical)}\n`,
};

export const MACHINES: Readonly<Record<MachineName, Machine>> = {
  x86_64: {
    arch: 'x86_64',
    order: LE64,
    elfMachine: 62,
    utsMachine: 'x86_64',
    physical: PHYSICAL,
    image: () => X86_64_IMAGE,
    keys: (physical) =>
      `NUMBER(phys_base)=${physical - (X86_64_IMAGE - 0xffffffff80000000n)}\n` +
      'NUMBER(KERNEL_IMAGE_SIZE)=1073741824\n',
  },
  arm64: {
    arch: 'arm64',
    order: LE64,
    elfMachine: 183,
    utsMachine: 'aarch64',
    physical: PHYSICAL,
    image: () => ARM64_IMAGE,
    keys: (physical) =>
      `NUMBER(VA_BITS)=48\nNUMBER(kimage_voffset)=0x${hexKey(ARM64_IMAGE - physical)}\n`,
  },
  ppc64le: { ...ppc64, arch: 'ppc64le', order: LE64, utsMachine: 'ppc64le' },
  ppc64: { ...ppc64, arch: 'ppc64', order: BE64, utsMachine: 'ppc64' },
  s390x: {
    arch: 's390x',
    order: BE64,
    elfMachine: 22,
    utsMachine: 's390x',
    physical: PHYSICAL,
    image: () => S390X_IMAGE,
    keys: (physical) =>
      `SYMBOL(lowcore_ptr)=${hexKey(S390X_IMAGE)}\nKERNELOFFSET=${hexKey(S390X_IMAGE)}\n` +
      `IDENTITYBASE=0\nKERNELOFFPHYS=${hexKey(physical)}\n`,
  },
  riscv64: {
    arch: 'riscv64',
    order: LE64,
    elfMachine: 243,
    utsMachine: 'riscv64',
    physical: 0x80200000n,
    image: () => RISCV64_IMAGE,
    keys: (physical) =>
      `NUMBER(KERNEL_LINK_ADDR)=0x${hexKey(RISCV64_IMAGE)}\n` +
      `NUMBER(va_kernel_pa_offset)=0x${hexKey(RISCV64_IMAGE - physical)}\n`,
  },
  loongarch64: {
    arch: 'loongarch64',
    order: LE64,
    elfMachine: 258,
    utsMachine: 'loongarch64',
    physical: PHYSICAL,
    image: (physical) => 0x9000000000000000n + physical,
    keys: () => '',
  },
  i386: {
    arch: 'i386',
    order: LE32,
    elfMachine: 3,
    utsMachine: 'i686',
    physical: PHYSICAL,
    image: (physical) => 0xc0000000n + physical,
    keys: () => 'CONFIG_X86_PAE=y\n',
    int64Alignment: 4,
  },
  arm32: {
    arch: 'arm32',
    order: LE32,
    elfMachine: 40,
    utsMachine: 'armv7l',
    ramStart: ARM32_RAM,
    physical: ARM32_RAM + 0x200000n,
    image: (physical) => 0xc0000000n + physical - ARM32_RAM,
    keys: () => 'CONFIG_ARM_LPAE=y\n',
  },
};

export const MACHINE_NAMES: readonly MachineName[] = Object.keys(MACHINES) as MachineName[];
