// Dump and archive formats that are recognised so that their owner can be told what to do.

import { ascii, hasBytesAt } from '../bytes/text.ts';

export interface ForeignFormat {
  readonly reason: 'unsupported_format' | 'unsupported_compression';
  /** What it is and what to do, for people. */
  readonly advice: string;
}

interface Magic extends ForeignFormat {
  readonly magic: Uint8Array;
  readonly offset?: number;
}

const format = (magic: Uint8Array, advice: string): Magic => ({
  reason: 'unsupported_format',
  magic,
  advice,
});

const archive = (magic: Uint8Array, name: string, command: string): Magic => ({
  reason: 'unsupported_compression',
  magic,
  advice: `got a ${name} file, want it unpacked: ${command}`,
});

const MAGICS: readonly Magic[] = [
  archive(Uint8Array.of(0x1f, 0x8b), 'gzip', 'gunzip FILE'),
  archive(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), 'zstd', 'zstd -d FILE'),
  archive(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), 'xz', 'unxz FILE'),
  archive(ascii('BZh'), 'bzip2', 'bunzip2 FILE'),
  archive(Uint8Array.of(0x04, 0x22, 0x4d, 0x18), 'lz4', 'lz4 -d FILE'),
  format(ascii('DISKDUMP'), 'got a diskdump of RHEL 3 or 4, want a kdump file'),
  format(ascii('sadump\0\0'), 'got a SADUMP, want makedumpfile to convert it'),
  format(ascii('LibvirtQemudSave'), 'got a virsh save image, want virsh dump --memory-only'),
  format(ascii('QEVM'), 'got a QEMU migration stream, want virsh dump --memory-only'),
  format(ascii('PAGEDU64'), 'got a Windows dump, want a Linux kernel dump'),
  format(ascii('PAGEDUMP'), 'got a Windows dump, want a Linux kernel dump'),
  format(ascii('EMiL'), 'got a LiME memory image, want a kdump or ELF dump'),
];

/** The known format whose magic `head` begins with. */
export function foreignFormat(head: Uint8Array): ForeignFormat | undefined {
  return MAGICS.find(({ magic, offset }) => hasBytesAt(head, offset ?? 0, magic));
}
