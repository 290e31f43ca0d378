// The memory of real kernels, one of each architecture, put into every other container and codec.

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { cString } from '../../src/vmcore/bytes/text.ts';
import { type PhysAddr, physAddr } from '../../src/vmcore/bytes/units.ts';
import type { Dump } from '../../src/vmcore/container/dump.ts';
import { openDump } from '../../src/vmcore/container/open.ts';
import { PageMissing } from '../../src/vmcore/errors.ts';
import { type CrashReport, bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS } from '../../src/vmcore/limits.ts';
import { elfCore } from '../support/builders/elf-core-builder.ts';
import { fixture, fixtureSymbols } from '../support/dumps/fixtures.ts';
import { flatten } from '../support/builders/flattened-builder.ts';
import { type KdumpCodec, kdump } from '../support/builders/kdump-builder.ts';
import { MACHINES, type MachineName } from '../support/builders/fake-machines.ts';
import { kernelNotes } from '../support/builders/notes-builder.ts';

const PAGE = 4096;
const CORES: readonly (readonly [MachineName, string])[] = [
  ['x86_64', 'x86_64-7.3.4.elf'],
  ['arm64', 'arm64-7.3.4.elf'],
  ['riscv64', 'riscv64-7.2.13.elf'],
  ['ppc64le', 'ppc64le-7.2.13.elf'],
  ['s390x', 's390x-7.2.13.elf'],
  ['loongarch64', 'loongarch64-7.2.13.elf'],
  ['arm32', 'arm32-7.2.13.elf'],
  ['i386', 'i386-7.2.13-pae.elf'],
];
const symbolFiles = fixtureSymbols();

/** Kernels of loongarch64 and arm32 keep no data symbols: their System.map is committed too. */
function decode(bytes: Uint8Array): CrashReport {
  return decodeVmcore(bytesSource(bytes), { symbolFiles: () => symbolFiles });
}

interface Memory {
  readonly machine: MachineName;
  readonly dump: Dump;
  /** Its pages, by address. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
  readonly report: CrashReport;
}

function memoryOf(machine: MachineName, name: string): Memory {
  const bytes = new Uint8Array(readFileSync(fixture(name)));
  const dump = openDump(bytesSource(bytes), DEFAULT_LIMITS);
  const pages = new Map<number, Uint8Array>();
  for (const which of ['text', 'rest'] as const) {
    for (const address of dump.memory.findPages(which, () => true)) {
      const page = wholePage(dump, address);
      if (page !== undefined) pages.set(Number(address), page);
    }
  }
  return { machine, dump, pages, report: decode(bytes) };
}

function wholePage({ memory }: Dump, address: PhysAddr): Uint8Array | undefined {
  try {
    return memory.read(physAddr(address), PAGE);
  } catch (error) {
    if (error instanceof PageMissing) return undefined;
    throw error;
  }
}

function notesOf({ dump }: Memory): { notes?: Uint8Array } {
  const [text] = dump.vmcoreinfoNotes;
  return text ? { notes: kernelNotes(cString(text), dump.order) } : {};
}

function asKdump(memory: Memory, codec: KdumpCodec): Uint8Array {
  const { dump, machine, pages } = memory;
  // makedumpfile counts the page frames of 32-bit ARM from the start of its memory.
  const { ramStart = 0n } = MACHINES[machine];
  const pfn = (address: number): number => (address - Number(ramStart)) / PAGE;
  return kdump({
    order: dump.order,
    machine: MACHINES[machine].utsMachine,
    padded: machine === 'arm32',
    physBase: ramStart,
    pages: new Map([...pages].map(([address, page]) => [pfn(address), page])),
    codec,
    ...notesOf(memory),
  }).bytes;
}

function asElf(memory: Memory): Uint8Array {
  const { dump, machine, pages } = memory;
  return elfCore({
    order: dump.order,
    machine: MACHINES[machine].elfMachine,
    segments: [...pages].map(([physical, bytes]) => ({ physical, bytes })),
    ...notesOf(memory),
  });
}

const FORMS: readonly (readonly [name: string, (memory: Memory) => Uint8Array])[] = [
  ...(['raw', 'zlib', 'lzo', 'snappy', 'zstd'] as const).flatMap((codec) => [
    [`kdump ${codec}`, (memory: Memory) => asKdump(memory, codec)] as const,
    [`flattened kdump ${codec}`, (memory: Memory) => flatten(asKdump(memory, codec))] as const,
  ]),
  ['elf', asElf],
  ['flattened elf', (memory) => flatten(asElf(memory))],
];

describe.each(CORES)('memory of a real %s kernel', (machine, name) => {
  const memory = memoryOf(machine, name);

  it.each(FORMS)('says the same as %s', (_, form) => {
    const { hwerr, kernelRelease, nodename, bootId, arch } = memory.report;
    expect({ arch, kind: hwerr.kind }).toEqual({ arch: machine, kind: 'present' });
    expect(decode(form(memory))).toMatchObject({ hwerr, kernelRelease, nodename, bootId, arch });
  });
});
