// s390x: since c98d2ecae08f ("s390/mm: Uncouple physical vs virtual address spaces") (in v6.10) the
// image is mapped at KERNELOFFSET and memory at IDENTITYBASE; older kernels map one to one.

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';

export const s390x: Architecture = {
  name: 's390x',
  elfMachine: 22, // EM_S390
  utsMachine: /^s390x$/,
  wordBits: 64,
  int64Alignment: 8,
  ownKey: (info) => info.symbol('lowcore_ptr') !== undefined,
  translators({ vmcoreinfo }) {
    const offset = vmcoreinfo.hexValue('KERNELOFFSET');
    const physical = vmcoreinfo.hexValue('KERNELOFFPHYS');
    const identity = vmcoreinfo.hexValue('IDENTITYBASE') ?? 0n;
    if (offset === undefined || physical === undefined) return [(address) => physAddr(address)];
    return [
      (address) =>
        address >= offset ? physAddr(address - offset + physical) : physAddr(address - identity),
    ];
  },
};
