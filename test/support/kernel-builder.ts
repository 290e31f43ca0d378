// A tiny kernel as it lies in memory when it dies: VMCOREINFO, utsname, boot id, hwerr_data and
// kallsyms, each on pages of its own, so that a test can take one away. One row of MACHINES is all
// that a further architecture needs.

import type { ByteOrder } from '../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, LE64 } from './bytes.ts';
import { type ElfRecipe, type ElfSegment, elfCore } from './elf-core-builder.ts';
import {
  type Addressing,
  type BuiltKallsyms,
  type SymbolRecipe,
  type TableLayout,
  kallsymsKeys,
  kallsymsTables,
} from './kallsyms-builder.ts';
import { type BuiltDump, type KdumpRecipe, kdump } from './kdump-builder.ts';
import { kernelNotes } from './notes-builder.ts';

interface Machine {
  readonly order: ByteOrder;
  /** e_machine */
  readonly elfMachine: number;
  /** utsname.machine */
  readonly utsMachine: string;
  /** Virtual address of the first page of the image. */
  readonly image: bigint;
  /** What VMCOREINFO says of the place of an image at a physical address. */
  readonly keys: (physical: bigint) => string;
}

export type MachineName = 'x86_64' | 'arm64';

const X86_64_IMAGE = 0xffffffff81000000n + 0x1a200000n; // moved by KASLR
const ARM64_IMAGE = 0xffffb31b48a00000n;

export const MACHINES: Readonly<Record<MachineName, Machine>> = {
  x86_64: {
    order: LE64,
    elfMachine: 62,
    utsMachine: 'x86_64',
    image: X86_64_IMAGE,
    keys: (physical) =>
      `NUMBER(phys_base)=${physical - (X86_64_IMAGE - 0xffffffff80000000n)}\n` +
      'NUMBER(KERNEL_IMAGE_SIZE)=1073741824\n',
  },
  arm64: {
    order: LE64,
    elfMachine: 183,
    utsMachine: 'aarch64',
    image: ARM64_IMAGE,
    keys: (physical) =>
      `NUMBER(VA_BITS)=48\nNUMBER(kimage_voffset)=0x${(ARM64_IMAGE - physical).toString(16)}\n`,
  },
};

/** One element of hwerr_data. */
export type Counter = readonly [count: number, seconds: number | bigint];

export interface KernelRecipe {
  readonly machine?: MachineName;
  readonly release?: string;
  readonly nodename?: string;
  /** cpu, memory, pci, cxl, others */
  readonly counters?: readonly Counter[];
  /** 16 bytes; zeros when nobody asked for it. */
  readonly bootId?: Uint8Array;
  /** Its symbol; null for a kernel without data symbols. */
  readonly bootIdName?: string | null;
  /** Physical address of the image, a multiple of 64 KiB. */
  readonly physical?: bigint;
  readonly addressing?: Addressing;
  readonly layout?: TableLayout;
  /** The array's symbol; null for a kernel without it. */
  readonly arrayName?: string | null;
  /** Whether hwerr_log_error_type is there: yes unless said otherwise. */
  readonly logFunction?: boolean;
  /** Bytes from the array to the next symbol. */
  readonly arrayRoom?: number;
  /** Further symbols with names of their own, so that there are several markers. */
  readonly fillers?: number;
  /** VMCOREINFO as it would be, to be changed. */
  readonly editVmcoreinfo?: (text: string) => string;
}

/** Where the kernel keeps things. The pages between two of them are empty. */
export type KernelPlace = keyof typeof OFFSETS | 'kallsyms';

const OFFSETS = {
  text: 0x0,
  utsname: 0x10000,
  bootId: 0x20000,
  array: 0x30000,
  vmcoreinfo: 0x40000,
} as const;
const KALLSYMS_OFFSET = 0x50000;
const NAME_OFFSET = 4; // OFFSET(uts_namespace.name)
/** Places lie on a 64 KiB block each, the largest block that a dump can have. */
const ALIGNMENT = 0x10000;

const COUNTERS: readonly Counter[] = [
  [1, 1_790_000_001],
  [0, 0],
  [3, 1_790_000_003],
  [0, 0],
  [5, 1_790_000_005],
];
const BOOT_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
export const BOOT_ID_TEXT = 'a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf';
export const RELEASE = '7.3.4-test';
export const NODENAME = 'labhost';
export const CRASH_TIME = 1_790_000_010;
export const BUILD_ID = '0123456789abcdef0123456789abcdef01234567';

export interface BuiltKernel {
  readonly machine: Machine;
  readonly vmcoreinfo: string;
  readonly image: Uint8Array;
  readonly physical: bigint;
  readonly symbols: readonly SymbolRecipe[];
  readonly kallsyms: BuiltKallsyms;
  /** Physical address of a place. */
  at: (place: KernelPlace) => bigint;
  /** Physical address of a virtual one. */
  physicalOf: (address: bigint) => bigint;
}

export function kernel(recipe: KernelRecipe = {}): BuiltKernel {
  const { release = RELEASE, physical = 0x1000000n } = recipe;
  const machine = MACHINES[recipe.machine ?? 'x86_64'];
  const address = (offset: number): bigint => machine.image + BigInt(offset);
  const symbols = symbolsOf(recipe, address);
  const { addressing = 'place', layout = 'v6.4' } = recipe;
  const tables = kallsymsTables(
    { symbols, order: machine.order, addressing, layout },
    address(KALLSYMS_OFFSET),
  );
  const text =
    `OSRELEASE=${release}\nBUILD-ID=${BUILD_ID}\nPAGESIZE=4096\n` +
    `SYMBOL(init_uts_ns)=${address(OFFSETS.utsname).toString(16)}\n` +
    `OFFSET(uts_namespace.name)=${NAME_OFFSET}\n` +
    `SYMBOL(_stext)=${address(OFFSETS.text).toString(16)}\n` +
    kallsymsKeys(tables) +
    `${machine.keys(physical)}CRASHTIME=${CRASH_TIME}\n`;
  const vmcoreinfo = recipe.editVmcoreinfo?.(text) ?? text;

  const { nodename = NODENAME, bootId = BOOT_ID } = recipe;
  const out = new ByteWriter(machine.order).text('text');
  out.padTo(OFFSETS.utsname + NAME_OFFSET);
  for (const field of ['Linux', nodename, release, '#1 SMP', machine.utsMachine, '(none)']) {
    out.text(field, 65);
  }
  out.padTo(OFFSETS.bootId).bytes(bootId).padTo(OFFSETS.array);
  for (const [count, seconds] of recipe.counters ?? COUNTERS) out.u32(count).u32(0).u64(seconds);
  out.padTo(OFFSETS.vmcoreinfo).text(vmcoreinfo).padTo(KALLSYMS_OFFSET).bytes(tables.bytes);
  return {
    machine,
    vmcoreinfo,
    image: out.align(ALIGNMENT).toBytes(),
    physical,
    symbols,
    kallsyms: tables,
    at: (place) => physical + BigInt(place === 'kallsyms' ? KALLSYMS_OFFSET : OFFSETS[place]),
    physicalOf: (virtual) => virtual - machine.image + physical,
  };
}

function symbolsOf(recipe: KernelRecipe, address: (offset: number) => bigint): SymbolRecipe[] {
  const { arrayName = 'hwerr_data', logFunction = true, arrayRoom = 80, fillers = 600 } = recipe;
  const symbols: SymbolRecipe[] = [
    { name: '_stext', address: address(OFFSETS.text) },
    { name: '_text', address: address(OFFSETS.text) },
    { name: 'init_uts_ns', address: address(OFFSETS.utsname), type: 'D' },
    { name: 'other_data', address: address(OFFSETS.array + arrayRoom), type: 'D' },
  ];
  if (recipe.addressing === 'percpu') {
    symbols.push({ name: '__per_cpu_start', address: 0n, type: 'A' });
    symbols.push({ name: 'cpu_hot', address: 0x1d40n, type: 'A' });
  }
  const { bootIdName = 'sysctl_bootid' } = recipe;
  if (bootIdName !== null) symbols.push({ name: bootIdName, address: address(OFFSETS.bootId) });
  if (arrayName !== null) symbols.push({ name: arrayName, address: address(OFFSETS.array) });
  if (logFunction) symbols.push({ name: 'hwerr_log_error_type', address: address(0x20) });
  for (let i = 0; i < fillers; i++) {
    const name = `${['acpi', 'kmem', 'tcp', 'xfs'][i % 4]}_function_${(i * 7919) % 10007}`;
    symbols.push({ name, address: address(0x100 + 16 * i) });
  }
  return symbols;
}

/** How the kernel's memory gets into a dump. */
export interface DumpOptions {
  /** Places whose first block the maker of the dump left out. */
  readonly excluded?: readonly KernelPlace[];
  /** Whether the dump has a VMCOREINFO note: yes unless said otherwise. */
  readonly note?: boolean | string;
}

export function elfDumpOf(
  built: BuiltKernel,
  options: DumpOptions & Partial<ElfRecipe> = {},
): Uint8Array {
  const { machine } = built;
  const { excluded = [], note = true, ...recipe } = options;
  const cuts = excluded
    .map((place) => Number(built.at(place) - built.physical))
    .sort((a, b) => a - b);
  const segments: ElfSegment[] = [];
  let from = 0;
  for (const cut of [...cuts, built.image.length]) {
    const bytes = built.image.subarray(from, cut);
    // Memory past p_filesz is what makedumpfile -E left out.
    const memorySize = bytes.length + (cut < built.image.length ? 4096 : 0);
    segments.push({ physical: built.physical + BigInt(from), bytes, memorySize });
    from = cut + 4096;
  }
  const notes = notesOf(built, note);
  return elfCore({
    order: machine.order,
    machine: machine.elfMachine,
    ...(notes && { notes }),
    segments,
    ...recipe,
  });
}

export function kdumpOf(
  built: BuiltKernel,
  options: DumpOptions &
    Partial<Omit<KdumpRecipe, 'excluded' | 'lost'>> & {
      readonly lost?: readonly KernelPlace[];
    } = {},
): BuiltDump {
  const { excluded = [], lost = [], note = true, blockSize = 4096, ...recipe } = options;
  const pages = new Map<number, Uint8Array>();
  const first = Number(built.physical) / blockSize;
  for (let at = 0; at < built.image.length; at += blockSize) {
    pages.set(first + at / blockSize, built.image.subarray(at, at + blockSize));
  }
  const pfn = (place: KernelPlace): number => Math.floor(Number(built.at(place)) / blockSize);
  const notes = notesOf(built, note);
  return kdump({
    order: built.machine.order,
    machine: built.machine.utsMachine,
    blockSize,
    pages,
    excluded: excluded.map(pfn),
    lost: lost.map(pfn),
    ...(notes && { notes }),
    ...recipe,
  });
}

function notesOf(
  { vmcoreinfo, machine }: BuiltKernel,
  note: boolean | string,
): Uint8Array | undefined {
  if (note === false) return undefined;
  return kernelNotes(typeof note === 'string' ? note : vmcoreinfo, machine.order);
}

/** The bytes of a symbol's page changed: the kernel image with `bytes` written at a place. */
export function withMemory(built: BuiltKernel, physical: bigint, bytes: Uint8Array): BuiltKernel {
  const image = built.image.slice();
  image.set(bytes, Number(physical - built.physical));
  return { ...built, image };
}
