// The boot id, which identifies a boot of a machine. drivers/char/random.c sysctl_bootid: 16 bytes generated
// when /proc/sys/kernel/random/boot_id is first read, zero before. generate_random_uuid() (lib/uuid.c)
// generates it, so it has version 4 and the variant of RFC 9562.

import { hexBytes } from '../bytes/text.ts';
import type { VirtAddr } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import { LTO_SUFFIXES, type SymbolSource } from '../symbols/symbol-source.ts';

const BYTES = 16;
const VERSION_4 = /^.{8}-.{4}-4.{3}-[89ab].{3}-.{12}$/;

/** Returns the address of the boot id; undefined if the symbols do not have it. */
export function bootIdAddress(symbols: SymbolSource): VirtAddr | undefined {
  return symbols.find('sysctl_bootid', LTO_SUFFIXES)?.address;
}

/**
 * Reads the boot id in the kernel's text form; undefined if it was never generated.
 *
 * @throws PageMissing if its page is not in the dump or was never written, Corrupt if the bytes are not a
 *   UUID that the kernel generates.
 */
export function readBootId(kernel: Kernel, address: VirtAddr): string | undefined {
  const bytes = kernel.memory.read(address, BYTES);
  kernel.memory.requireWritten(address, BYTES, 'sysctl_bootid');
  if (bytes.every((byte) => byte === 0)) return undefined;
  const uuid = hexBytes(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (VERSION_4.test(uuid)) return uuid;
  throw new Corrupt('corrupt', 'sysctl_bootid', `got ${uuid}, want a UUID of version 4`);
}
