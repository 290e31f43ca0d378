// The kernel's own copies of VMCOREINFO. A crash appends CRASHTIME to the text at vmcoreinfo_data, which may
// be in the crash kernel's memory, and copies it to the ELF note at vmcoreinfo_note, from which /proc/vmcore
// and QEMU take theirs (kernel/vmcore_info.c crash_save_vmcoreinfo()). Both variables are defined next to
// hwerr_data, and neither is 0 in a kernel with VMCOREINFO.

import { type VirtAddr, addVirt, virtAddr } from '../bytes/units.ts';
import { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { VmcoreError, orElse } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Limits } from '../limits.ts';
import type { Kallsyms } from '../symbols/kallsyms.ts';

const ARRAY = 'hwerr_data';
/** Elf_Nhdr and the name "VMCOREINFO", padded. */
const NOTE_HEAD_BYTES = 24;
/** "CRASHTIME=1790000000\n", which only one copy may have, plus some slack. */
const FURTHER_BYTES = 64;

/**
 * Returns the copies that are in the dump and of the same release: that of the note, or else the text; both
 * if the kernel was found by a scan.
 */
export function vmcoreinfoCopies(kernel: Kernel, kallsyms: Kallsyms, limits: Limits): Vmcoreinfo[] {
  const copies: Vmcoreinfo[] = [];
  const take = (name: string, read: (at: VirtAddr) => Uint8Array): void => {
    try {
      const pointer = kallsyms.findBeside(name, ARRAY);
      if (pointer === undefined) return;
      const copy = Vmcoreinfo.parse(read(target(kernel, pointer.address)));
      if (copy?.osRelease === kernel.vmcoreinfo.osRelease) copies.push(copy);
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
    }
  };
  take('vmcoreinfo_note', (at) => {
    const head = kernel.memory.cursor(at, NOTE_HEAD_BYTES, 'vmcoreinfo_note');
    const length = head.skip(4).u32();
    const text = addVirt(at, NOTE_HEAD_BYTES);
    return kernel.memory.read(text, Math.min(length, limits.vmcoreinfoBytes));
  });
  if (copies.length > 0 && kernel.foundIn === 'note') return copies;
  const length = kernel.vmcoreinfo.text.length + FURTHER_BYTES;
  take('vmcoreinfo_data', (at) => kernel.memory.read(at, length));
  return copies;
}

/** Variables that the kernel sets at boot, before it can count errors. */
const SET_AT_BOOT = ['vmcoreinfo_note', 'vmcoreinfo_size'];
/** Their maximum distance from the array, bytes, except on machines with a section for small data (riscv64). */
const NEAR = 128;

/**
 * Returns why zeros in the array may never have been written although other bytes of its page were: a
 * variable next to it is 0 that no kernel leaves at 0. undefined if it is not 0, not next to the array, or
 * not in the dump.
 */
export function whyUnwrittenBeside(
  kernel: Kernel,
  kallsyms: Kallsyms,
  array: VirtAddr,
): string | undefined {
  const isUnset = (name: string): boolean => {
    const address = kallsyms.findBeside(name, ARRAY)?.address;
    if (address === undefined || Math.abs(Number(address - array)) > NEAR) return false;
    return target(kernel, address) === 0n;
  };
  const unset = SET_AT_BOOT.find((name) => orElse(() => isUnset(name), false));
  return unset && `${unset} beside it is 0, as where it was never written`;
}

function target({ memory, arch }: Kernel, pointer: VirtAddr): VirtAddr {
  return virtAddr(memory.cursor(pointer, arch.wordBits / 8, 'pointer').word());
}
