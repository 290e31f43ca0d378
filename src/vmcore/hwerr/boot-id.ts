// The boot id: which boot of which machine a dump is of. drivers/char/random.c sysctl_bootid, 16
// bytes made when somebody first reads /proc/sys/kernel/random/boot_id, all zero until then.

import { hexBytes } from '../bytes/text.ts';
import type { VirtAddr } from '../bytes/units.ts';
import type { Kernel } from '../kernel.ts';
import type { SymbolSource } from '../symbols/symbol-source.ts';

export function bootIdAddress(symbols: SymbolSource): VirtAddr | undefined {
  return symbols.find('sysctl_bootid')?.address;
}

/**
 * The boot id as the kernel prints it; undefined when it was never made.
 *
 * @throws PageMissing when its page is not in the dump.
 */
export function readBootId(kernel: Kernel, address: VirtAddr): string | undefined {
  const bytes = kernel.memory.read(address, 16);
  if (bytes.every((byte) => byte === 0)) return undefined;
  return hexBytes(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
