// The boot id: which boot of which machine a dump is of. drivers/char/random.c sysctl_bootid, 16
// bytes made when it is first read from /proc/sys/kernel/random/boot_id, all zero until then. It is
// made by generate_random_uuid() (lib/uuid.c), so it is of version 4 and of the variant of RFC 9562.

import { hexBytes } from '../bytes/text.ts';
import type { VirtAddr } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import { LTO_SUFFIXES, type SymbolSource } from '../symbols/symbol-source.ts';

const BYTES = 16;
const VERSION_4 = /^.{8}-.{4}-4.{3}-[89ab].{3}-.{12}$/;

/** Where the boot id lies; undefined when that source of symbols lacks it. */
export function bootIdAddress(symbols: SymbolSource): VirtAddr | undefined {
  return symbols.find('sysctl_bootid', LTO_SUFFIXES)?.address;
}

/**
 * The boot id as the kernel prints it; undefined when it was never made.
 *
 * @throws PageMissing when its page is not in the dump or was never written to it, Corrupt when these
 *   bytes are no UUID that the kernel makes.
 */
export function readBootId(kernel: Kernel, address: VirtAddr): string | undefined {
  const bytes = kernel.memory.read(address, BYTES);
  kernel.memory.requireWritten(address, BYTES, 'sysctl_bootid');
  if (bytes.every((byte) => byte === 0)) return undefined;
  const uuid = hexBytes(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (VERSION_4.test(uuid)) return uuid;
  throw new Corrupt('corrupt', 'sysctl_bootid', `got ${uuid}, want a UUID of version 4`);
}
