// Unsupported dump and archive formats that are recognised, so that the message can say what to do.
// Magic numbers: crash (defs.h, sadump.h, vmware_vmss.h, lkcd_common.h, xendump.h), QEMU (win_dump_defs.h,
// migration/qemu-file-types.h), libvirt (qemu_saveimage.h), s390-tools (zgetdump), VirtualBox (SSM.cpp),
// dissect.hypervisor (c_hyperv.py), FreeBSD (machine/minidump.h), illumos (sys/dumphdr.h), the LiME and AVML
// documentation.

import { ascii, hasBytesAt } from '../bytes/text.ts';

/** A format that is recognised but not decoded: the reason of the Unsupported error, and advice. */
export interface ForeignFormat {
  readonly reason: 'unsupported_format' | 'unsupported_compression';
  /** The name of the format and what to do, for people. */
  readonly advice: string;
}

interface Magic extends ForeignFormat {
  readonly magic: Uint8Array;
  /** Offset in the file, bytes. */
  readonly at: number;
}

/** LKCD's magic number, big-endian, of a crash dump and of a live dump; the list below has both orders. */
const LKCD = [0xa8, 0x19, 0x01, 0x73, 0x61, 0x8f, 0x23, 0xed];
const LKCD_LIVE = [...LKCD.slice(0, 7), 0xcd];
const LKCD_ADVICE = 'got an LKCD dump, dead since 2006, want a kdump file';

const XEN_SAVE_ADVICE = 'got a saved Xen domain, want a dump: kdump inside the guest';
const XC_CORE_ADVICE = 'got a core of a Xen domain, want a dump: kdump inside the guest';

const VMWARE_ADVICE = 'got a VMware state file, want it converted: vmss2core -N6 FILE';

const LZ4_COMMAND = 'lz4 -d FILE (no streaming decoder on npm to rely on)';

const MAGICS: readonly Magic[] = [
  archive([0x1f, 0x8b], 'gzip', 'gunzip FILE'),
  archive([0x28, 0xb5, 0x2f, 0xfd], 'zstd', 'zstd -d FILE'),
  archive([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 'xz', 'unxz FILE'),
  archive(ascii('BZh'), 'bzip2', 'bunzip2 FILE (no streaming decoder on npm to rely on)'),
  archive([0x04, 0x22, 0x4d, 0x18], 'lz4', LZ4_COMMAND),
  archive([0x02, 0x21, 0x4c, 0x18], 'lz4', LZ4_COMMAND), // lz4 -l
  archive([0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d, 0x0a, 0x1a, 0x0a], 'lzop', 'lzop -d FILE'),
  format(ascii('DISKDUMP'), 'got a diskdump of RHEL 3 or 4, want a kdump file'),
  format(
    ascii('sadump\0\0'),
    'got a Fujitsu SADUMP, want it converted: makedumpfile -c -d 31 FILE OUT',
  ),
  format(LKCD, LKCD_ADVICE),
  format([...LKCD].reverse(), LKCD_ADVICE),
  format(LKCD_LIVE, LKCD_ADVICE),
  format([...LKCD_LIVE].reverse(), LKCD_ADVICE),
  format(
    [...LKCD.slice(0, 7), 0xfd],
    'got an s390 stand-alone dump, want it converted: zgetdump -f elf FILE > OUT',
  ),
  // `VMDUMP  ` in EBCDIC, the type of a symptom record.
  format(
    [0xe5, 0xd4, 0xc4, 0xe4, 0xd4, 0xd7, 0x40, 0x40],
    'got a VMDUMP of z/VM, want it converted: zgetdump -f elf FILE > OUT',
    56,
  ),
  format([0xd0, 0xbe, 0xd0, 0xbe], VMWARE_ADVICE),
  format([0xd2, 0xbe, 0xd2, 0xbe], VMWARE_ADVICE),
  format([0xd3, 0xbe, 0xd3, 0xbe], VMWARE_ADVICE),
  format([0xd1, 0xba, 0xd1, 0xba], VMWARE_ADVICE),
  format([0xd2, 0xba, 0xd2, 0xba], VMWARE_ADVICE),
  format(
    ascii('LibvirtQemudSave'),
    'got a virsh save image, want a dump: virsh dump --memory-only DOMAIN FILE',
  ),
  format(ascii('LibvirtQemudPart'), 'got an unfinished virsh save image, want a dump'),
  format(
    ascii('QEVM'),
    'got a QEMU migration stream, want a dump: virsh dump --memory-only DOMAIN FILE',
  ),
  format(
    ascii('\x7fVirtualBox'),
    'got a saved state of VirtualBox, want a core: VBoxManage debugvm NAME dumpvmcore --filename FILE',
  ),
  format(
    [0x14, 0x20, 0x28, 0x01],
    'got a saved state of Hyper-V, want a dump: kdump inside the guest',
  ),
  format(ascii('Xen saved domain'), XEN_SAVE_ADVICE),
  format(ascii('LinuxGuestRecord'), XEN_SAVE_ADVICE),
  format([...new Array<number>(8).fill(0xff), ...ascii('XENF')], XEN_SAVE_ADVICE),
  format([0xed, 0xeb, 0x0f, 0xf0], XC_CORE_ADVICE),
  format([0xee, 0xeb, 0x0f, 0xf0], XC_CORE_ADVICE),
  format(ascii('PAGEDU64'), 'got a Windows dump, want one of a Linux kernel'),
  format(ascii('PAGEDUMP'), 'got a Windows dump, want one of a Linux kernel'),
  format(ascii('minidump FreeBSD'), 'got a FreeBSD minidump, want one of a Linux kernel'),
  format([0xed, 0xc8, 0xfe, 0xde], 'got an illumos or Solaris dump, want one of a Linux kernel'),
  format(ascii('EMiL'), 'got a LiME memory image, want a kdump or ELF dump'),
  format(ascii('AVML'), 'got an AVML memory image, want a kdump or ELF dump'),
];

/** The magic numbers at the start of a file. */
export const FOREIGN_MAGICS: readonly Uint8Array[] = MAGICS.filter(({ at }) => at === 0).map(
  ({ magic }) => magic,
);

/** Returns the recognised format of a file's first bytes. */
export function foreignFormat(head: Uint8Array): ForeignFormat | undefined {
  return MAGICS.find(({ magic, at }) => hasBytesAt(head, at, magic));
}

function format(magic: Iterable<number>, advice: string, at = 0): Magic {
  return { reason: 'unsupported_format', magic: Uint8Array.from(magic), at, advice };
}

function archive(magic: Iterable<number>, name: string, command: string): Magic {
  return {
    reason: 'unsupported_compression',
    magic: Uint8Array.from(magic),
    at: 0,
    advice: `got a ${name} file, want it unpacked: ${command}`,
  };
}
