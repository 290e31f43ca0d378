// loongarch64: image and memory lie in the direct-mapped windows, cached at 0x9000… and uncached at
// 0x8000…, whose low 48 bits are the physical address (arch/loongarch/include/asm/addrspace.h).

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';

const WINDOW_BITS = 48n;

export const loongarch64: Architecture = {
  name: 'loongarch64',
  elfMachine: 258, // EM_LOONGARCH
  utsMachine: /^loongarch64$/,
  wordBits: 64,
  int64Alignment: 8,
  // VMCOREINFO has no specific key, but no other kernel is in this window.
  ownKey: (info) => isWindow(info.symbol('_stext') ?? 0n),
  translators: () => [
    (address) => (isWindow(address) ? physAddr(address & ((1n << WINDOW_BITS) - 1n)) : undefined),
  ],
};

function isWindow(address: bigint): boolean {
  const window = address >> WINDOW_BITS;
  return window === 0x9000n || window === 0x8000n;
}
