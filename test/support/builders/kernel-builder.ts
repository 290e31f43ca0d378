// A tiny kernel as it lies in memory when it dies: VMCOREINFO, utsname, boot id, hwerr_data and
// kallsyms, each on pages of its own, so that a test can take one away. Where it is told to, it also
// has a log and type information.

import { type BtfRecipe, btf } from './btf-builder.ts';
import { ByteWriter } from './bytes.ts';
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
import { MACHINES, type Machine, type MachineName } from './fake-machines.ts';
import { kernelNote, kernelNotes } from './notes-builder.ts';
import { type BuiltLog, type LogRecipe, printkRing } from './printk-builder.ts';

/** One element of hwerr_data. */
export type Counter = readonly [count: number, seconds: number | bigint];

export interface KernelRecipe {
  readonly machine?: MachineName;
  readonly release?: string;
  readonly nodename?: string;
  /** cpu, memory, pci, cxl, others; and what a newer kernel has added */
  readonly counters?: readonly Counter[];
  /** An element of the array, where it is not the known struct. */
  readonly element?: ElementLayout;
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
  /** Where in the image the array is: behind everything else, if it is to be its end. */
  readonly arrayOffset?: number;
  /** Bytes from the array to the next symbol. */
  readonly arrayRoom?: number;
  /** Further symbols with names of their own, so that there are several markers. */
  readonly fillers?: number;
  /** Pairs in the names that become tokens. */
  readonly merges?: number;
  readonly log?: Omit<LogRecipe, 'order' | 'at'>;
  readonly btf?: BtfRecipe;
  /** VMCOREINFO as it would be, to be changed. */
  readonly editVmcoreinfo?: (text: string) => string;
  /** VMCOREINFO as the kernel's own note has it, to be changed; without, it has no such note. */
  readonly editNote?: (text: string) => string;
}

interface ElementLayout {
  readonly stride: number;
  readonly count: number;
  readonly timestamp: number;
}

/** Where the kernel keeps things. The pages between two of them are empty. */
export type KernelPlace = keyof typeof OFFSETS | 'kallsyms' | 'log';

const OFFSETS = {
  text: 0x0,
  utsname: 0x10000,
  bootId: 0x20000,
  note: 0x28000,
  array: 0x30000,
  vmcoreinfo: 0x40000,
  btf: 0x42000,
} as const;
const KALLSYMS_OFFSET = 0x50000;
const FUNCTION_OFFSET = 0x20;
/** Other variables on the array's page: in no real dump are there less than 64 bytes of them. */
const OTHER_DATA_OFFSET = 0x800;
/** The pointer to the note, beside the array. */
const NOTE_POINTER_OFFSET = 0x70;
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
/** Of version 4, as every UUID that the kernel makes. */
const BOOT_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => (i === 6 ? 0x46 : 0xa0 + i));
export const BOOT_ID_TEXT = 'a0a1a2a3-a4a5-46a7-a8a9-aaabacadaeaf';
export const RELEASE = '7.3.4-test';
export const NODENAME = 'labhost';
export const CRASH_TIME = 1_790_000_010;
export const BUILD_ID = '0123456789abcdef0123456789abcdef01234567';

export interface BuiltKernel {
  readonly machine: Machine;
  readonly vmcoreinfo: string;
  readonly image: Uint8Array;
  readonly physical: bigint;
  /** Virtual address of the image. */
  readonly start: bigint;
  readonly symbols: readonly SymbolRecipe[];
  readonly kallsyms: BuiltKallsyms;
  readonly log: BuiltLog | undefined;
  /** Physical address of a place. */
  at: (place: KernelPlace) => bigint;
  /** Physical address of a virtual one. */
  physicalOf: (address: bigint) => bigint;
}

export function kernel(recipe: KernelRecipe = {}): BuiltKernel {
  const machine = MACHINES[recipe.machine ?? 'x86_64'];
  const { physical = machine.physical, layout = 'v6.4' } = recipe;
  const { addressing = machine.order.wordBits === 64 ? 'place' : 'plain' } = recipe;
  const start = machine.image(physical);
  const address = (offset: number): bigint => start + BigInt(offset);
  const symbols = symbolsOf(recipe, address);
  const tables = kallsymsTables(
    {
      symbols,
      order: machine.order,
      addressing,
      layout,
      ...(recipe.merges !== undefined && { merges: recipe.merges }),
    },
    address(KALLSYMS_OFFSET),
  );
  const logOffset = Math.ceil((KALLSYMS_OFFSET + tables.bytes.length) / ALIGNMENT) * ALIGNMENT;
  const { arrayOffset = OFFSETS.array } = recipe;
  const offsets = { ...OFFSETS, array: arrayOffset, kallsyms: KALLSYMS_OFFSET, log: logOffset };
  const log =
    recipe.log && printkRing({ ...recipe.log, order: machine.order, at: address(logOffset) });
  const keys = kallsymsKeys(tables) + (log?.keys ?? '') + machine.keys(physical);
  const text = vmcoreinfoOf(recipe, address, keys);
  const vmcoreinfo = recipe.editVmcoreinfo?.(text) ?? text;
  const out = new ByteWriter(machine.order).text('text');
  writeUtsname(out.padTo(OFFSETS.utsname + NAME_OFFSET), recipe, machine);
  out.padTo(OFFSETS.bootId).bytes(recipe.bootId ?? BOOT_ID);
  if (recipe.editNote) {
    out.padTo(OFFSETS.note).bytes(kernelNote(recipe.editNote(text), machine.order));
  }
  const writeArrayPage = (): void => {
    writeArray(out.padTo(arrayOffset), recipe, machine);
    if (recipe.editNote) out.padTo(arrayOffset + NOTE_POINTER_OFFSET).word(address(OFFSETS.note));
    out.padTo(arrayOffset + OTHER_DATA_OFFSET).text('x'.repeat(64));
  };
  if (recipe.arrayOffset === undefined) writeArrayPage();
  out.padTo(OFFSETS.vmcoreinfo).text(vmcoreinfo);
  if (recipe.btf) out.padTo(OFFSETS.btf).bytes(btf(recipe.btf, machine.order));
  out.padTo(KALLSYMS_OFFSET).bytes(tables.bytes);
  if (log) out.padTo(logOffset).bytes(log.bytes);
  if (recipe.arrayOffset !== undefined) writeArrayPage();
  return {
    machine,
    vmcoreinfo,
    image: out.align(recipe.arrayOffset === undefined ? ALIGNMENT : 4096).toBytes(),
    physical,
    start,
    symbols,
    kallsyms: tables,
    log,
    at: (place) => physical + BigInt(offsets[place]),
    physicalOf: (virtual) => virtual - start + physical,
  };
}

function vmcoreinfoOf(
  { release = RELEASE }: KernelRecipe,
  address: (offset: number) => bigint,
  furtherKeys: string,
): string {
  return (
    `OSRELEASE=${release}\nBUILD-ID=${BUILD_ID}\nPAGESIZE=4096\n` +
    `SYMBOL(init_uts_ns)=${address(OFFSETS.utsname).toString(16)}\n` +
    `OFFSET(uts_namespace.name)=${NAME_OFFSET}\n` +
    `SYMBOL(_stext)=${address(OFFSETS.text).toString(16)}\n` +
    `${furtherKeys}CRASHTIME=${CRASH_TIME}\n`
  );
}

function writeUtsname(out: ByteWriter, recipe: KernelRecipe, machine: Machine): void {
  const { nodename = NODENAME, release = RELEASE } = recipe;
  for (const field of ['Linux', nodename, release, '#1 SMP', machine.utsMachine, '(none)']) {
    out.text(field, 65);
  }
}

function elementOf({ element }: KernelRecipe, machine: Machine): ElementLayout {
  const alignment = machine.int64Alignment ?? 8;
  return element ?? { stride: alignment + 8, count: 0, timestamp: alignment };
}

function writeArray(out: ByteWriter, recipe: KernelRecipe, machine: Machine): void {
  const { stride, count, timestamp } = elementOf(recipe, machine);
  const start = out.length;
  for (const [i, [errors, seconds]] of (recipe.counters ?? COUNTERS).entries()) {
    const fields = [
      [count, () => out.u32(errors)],
      [timestamp, () => out.u64(seconds)],
    ] as const;
    for (const [offset, write] of [...fields].sort(([a], [b]) => a - b)) {
      out.padTo(start + i * stride + offset);
      write();
    }
  }
}

function symbolsOf(recipe: KernelRecipe, address: (offset: number) => bigint): SymbolRecipe[] {
  const { arrayName = 'hwerr_data', logFunction = true, fillers = 600 } = recipe;
  const { arrayOffset = OFFSETS.array } = recipe;
  const { stride } = elementOf(recipe, MACHINES[recipe.machine ?? 'x86_64']);
  const { arrayRoom = (recipe.counters ?? COUNTERS).length * stride } = recipe;
  const symbols: SymbolRecipe[] = [
    { name: '_stext', address: address(OFFSETS.text) },
    { name: '_text', address: address(OFFSETS.text) },
    { name: 'init_uts_ns', address: address(OFFSETS.utsname), type: 'D' },
    { name: 'other_data', address: address(arrayOffset + arrayRoom), type: 'D' },
  ];
  if (recipe.addressing === 'percpu') {
    symbols.push({ name: '__per_cpu_start', address: 0n, type: 'A' });
    symbols.push({ name: 'cpu_hot', address: 0x1d40n, type: 'A' });
  }
  const { bootIdName = 'sysctl_bootid' } = recipe;
  if (bootIdName !== null) symbols.push({ name: bootIdName, address: address(OFFSETS.bootId) });
  if (arrayName !== null) symbols.push({ name: arrayName, address: address(arrayOffset) });
  if (logFunction)
    symbols.push({ name: 'hwerr_log_error_type', address: address(FUNCTION_OFFSET) });
  if (recipe.editNote) {
    const pointer = address(arrayOffset + NOTE_POINTER_OFFSET);
    symbols.push({ name: 'vmcoreinfo_note', address: pointer, type: 'D' });
  }
  if (recipe.btf) symbols.push({ name: '__start_BTF', address: address(OFFSETS.btf) });
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
  const { ramStart = 0n } = built.machine;
  // makedumpfile counts page frames from the start of RAM, QEMU, which names no machine, from 0.
  const pfnStart = recipe.machine === 'Unknown' ? 0n : ramStart;
  const first = Number(built.physical - pfnStart) / blockSize;
  for (let at = 0; at < built.image.length; at += blockSize) {
    pages.set(first + at / blockSize, built.image.subarray(at, at + blockSize));
  }
  const pfn = (place: KernelPlace): number =>
    Math.floor(Number(built.at(place) - pfnStart) / blockSize);
  const notes = notesOf(built, note);
  return kdump({
    order: built.machine.order,
    machine: built.machine.utsMachine,
    physBase: ramStart,
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
