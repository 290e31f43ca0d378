// riscv64: the image is mapped at KERNEL_LINK_ADDR, va_kernel_pa_offset from its physical address;
// memory is mapped from PAGE_OFFSET on (arch/riscv/kernel/vmcore_info.c, asm/page.h).

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';

export const riscv64: Architecture = {
  name: 'riscv64',
  elfMachine: 243, // EM_RISCV
  utsMachine: /^riscv64$/,
  wordBits: 64,
  int64Alignment: 8,
  ownKey: (info) => info.number('va_kernel_pa_offset') !== undefined,
  translators({ vmcoreinfo }) {
    const imageOffset = vmcoreinfo.number('va_kernel_pa_offset');
    const imageStart = vmcoreinfo.number('KERNEL_LINK_ADDR');
    if (imageOffset === undefined || imageStart === undefined) return [];
    const pageOffset = vmcoreinfo.number('PAGE_OFFSET');
    const ramStart = vmcoreinfo.number('phys_ram_base');
    return [
      (address) => {
        if (address >= imageStart) return physAddr(address - imageOffset);
        if (pageOffset === undefined || ramStart === undefined) return undefined;
        return address >= pageOffset ? physAddr(address - pageOffset + ramStart) : undefined;
      },
    ];
  },
};
