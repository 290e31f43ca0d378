// A dump without a file: the memory of a built kernel, and whatever notes a test wants.

import type { Dump } from '../../../src/vmcore/container/dump.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import type { Kernel } from '../../../src/vmcore/kernel.ts';
import { identifyKernel } from '../../../src/vmcore/running-kernel.ts';
import { Kallsyms } from '../../../src/vmcore/symbols/kallsyms.ts';
import { bytesOf } from './bytes.ts';
import type { BuiltKernel } from './kernel-builder.ts';
import { SparseMemory } from './sparse-memory.ts';

export function memoryOf(built: BuiltKernel): SparseMemory {
  return new SparseMemory().write(built.physical, built.image);
}

export function memoryDump(
  { machine }: BuiltKernel,
  memory: SparseMemory,
  notes: readonly string[] = [],
  cpuPageTables: readonly bigint[] = [],
): Dump {
  return {
    container: 'elf',
    flattened: false,
    order: machine.order,
    machine: machine.elfMachine,
    utsname: [],
    vmcoreinfoNotes: notes.map(bytesOf),
    memory,
    incomplete: false,
    addressing: 'physical',
    hints: { physBase: undefined, ramStart: machine.ramStart, mapped: [], cpuPageTables },
    part: undefined,
    compression: () => [],
  };
}

/** A built kernel as the decoder knows it once it found its symbols. */
export function openedKernel(
  built: BuiltKernel,
  memory: SparseMemory = memoryOf(built),
): { kernel: Kernel; kallsyms: Kallsyms } {
  const kernel = identifyKernel(memoryDump(built, memory, [built.vmcoreinfo]), DEFAULT_LIMITS);
  return { kernel, kallsyms: Kallsyms.open(kernel.vmcoreinfo, kernel.memory, DEFAULT_LIMITS) };
}
